"""The longer checks, each in an environment of its own: nox --list, nox -s tests-3.13(newest)."""

from __future__ import annotations

import nox

nox.needs_version = ">=2025.5"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.sessions = ["tests", "audit"]
nox.options.error_on_missing_interpreters = False  # the matrix is as large as the machine allows

# Python, and the oldest NumPy that has wheels for it: the project asks for 2.0.
OLDEST = {"3.11": "2.0.0", "3.12": "2.0.0", "3.13": "2.1.0", "3.14": "2.3.2"}
LOCK = "requirements/dev.lock"
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "TINYGRAD_JP_LANG": "en"}


@nox.session(python=list(OLDEST))
@nox.parametrize("numpy", ["oldest", "newest"], ids=["oldest", "newest"])
def tests(session: nox.Session, numpy: str) -> None:
    """Run the tests; arguments after -- go to pytest."""
    oldest = f"numpy~={OLDEST[str(session.python)]}"
    session.install("-e", ".[dev]", oldest if numpy == "oldest" else "numpy>=2.0", "--upgrade")
    session.run("pytest", *session.posargs, env=ONE_THREAD)


@nox.session
def coverage(session: nox.Session) -> None:
    """Measure lines and branches: the engine wholly, the package to 95 %."""
    session.install("-e", ".[dev]")
    # a real signal that comes while coverage holds its own lock would hang
    signals = [
        "--deselect=tests/abuse/test_interrupts.py::test_real_signals_at_random_moments",
        "--deselect=tests/abuse/test_interrupted_steps.py"
        "::test_real_signals_at_random_moments_of_whole_steps",
    ]
    session.run("pytest", "--cov", "--cov-report=", *signals, *session.posargs, env=ONE_THREAD)
    engine = "tinygrad_jp/autograd/*,tinygrad_jp/rules/*,tinygrad_jp/vocabulary/*"
    session.run("coverage", "report", "--skip-covered", "--fail-under=95")
    session.run("coverage", "report", "-m", f"--include={engine}", "--fail-under=100")


@nox.session
def mutation(session: nox.Session) -> None:
    """Change the engine in 200 places, and see whether tests notice (half an hour)."""
    session.install("-e", ".[dev]", "cosmic-ray>=8.7")
    session.run(
        "pytest", "tests/unit/autograd", "tests/unit/rules", "tests/unit/vocabulary",
        "tests/unit/compiled", "tests/laws", "tests/parity/test_functions.py",
        "tests/abuse/test_threads.py", "tinygrad_jp/autograd", "tinygrad_jp/rules",
        "-q", "-n=2", "--cov", "--cov-context=test", "--cov-report=",
        "--junitxml=out/mutation.xml", "-o", "junit_family=xunit1", env=ONE_THREAD,
    )  # fmt: skip
    session.run(
        "python", "tests/mutation/campaign.py", "--jobs=2", *session.posargs, env=ONE_THREAD
    )


@nox.session
def lock(session: nox.Session) -> None:
    """Write requirements/dev.lock anew: every package of [dev] and [docs] with its hashes."""
    session.install("uv>=0.9")
    session.run(
        "uv", "pip", "compile", "pyproject.toml", "--universal", "--python-version=3.11",
        "--all-extras", "--group=tools", "--generate-hashes", "--upgrade",
        f"--output-file={LOCK}", env={"UV_CUSTOM_COMPILE_COMMAND": "nox -s lock"},
    )  # fmt: skip


@nox.session
def locked(session: nox.Session) -> None:
    """Install from the lock alone, every hash compared, and see that the project is content."""
    session.install("--require-hashes", "-r", LOCK)
    session.install("--no-deps", "-e", ".")
    session.run("uv", "pip", "check", f"--python={session.virtualenv.location}")
    session.run("pytest", "tests/unit/vocabulary", "-q", env=ONE_THREAD)


@nox.session
def audit(session: nox.Session) -> None:
    """Look the locked packages up among known vulnerabilities."""
    session.install("pip-audit>=2.9")
    session.run("pip-audit", "--require-hashes", "--disable-pip", "-r", LOCK, *session.posargs)
