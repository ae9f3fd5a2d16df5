"""Run a job of the project with Python 3.11 and nothing else: python3 run.py demo|test|check|...

Makes .venv beside this file, installs what the job needs (with uv where it is on PATH, else pip),
and installs anew when pyproject.toml changes. Further arguments go to the job: run.py test -k moons
"""

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")

# job: (extra to install, 日本語, English, the commands; the last one takes the user's arguments)
JOBS = {
    "demo": ("demo", "ネットワークを訓練して絵を out/ に書く", "train a network, draw it into out/",
             [["-m", "tinygrad_jp", "demo"]]),
    "test": ("dev", "テスト", "run the tests", [["-m", "pytest", "-n", "auto"]]),
    "check": ("dev", "書式と型の検査", "lint and check types",
              [["-m", "ruff", "check", "."], ["-m", "mypy"]]),
    "docs": ("docs", "文書を site/ に作る", "build the documents into site/",
             [["docs/operations.py"],
              ["-m", "zensical", "build", "--strict", "-f", ".zensical.toml"]]),
    "bench": ("dev", "速さを測る", "measure the speed",
              [["tests/bench/steps.py"], ["tests/bench/limits.py"]]),
}
ENOUGH = {"demo": ("demo", "dev"), "dev": ("dev",), "docs": ("docs",)}  # extras that hold others


def say(ja, en):
    """Print one message in both languages."""
    print(f"[run.py] {ja}\n         {en}", flush=True)


def stop(ja, en, code=1):
    """Print what is wrong and how to repair it, and end."""
    say(ja, en)
    sys.exit(code)


def call(command):
    """Run a command, showing its output, and give its exit code."""
    return subprocess.call([str(part) for part in command], cwd=str(ROOT))


def works(*command):
    """Tell whether a command can be run and succeeds."""
    try:
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        return subprocess.call([str(part) for part in command], **quiet) == 0
    except OSError:
        return False


def installer(uv):
    """Make .venv if need be, and give the command that installs into it."""
    if not works(PYTHON, "-c", "import sys; sys.exit(sys.version_info < (3, 11))"):
        say(f"{VENV} に仮想環境を作ります。", f"making a virtual environment in {VENV}")
        if uv:
            made = call([uv, "venv", "--clear", "--quiet", "--python", sys.executable, VENV])
        else:
            bare = [] if importlib.util.find_spec("ensurepip") else ["--without-pip"]  # Debian
            made = call([sys.executable, "-m", "venv", "--clear", *bare, VENV])
        if made != 0 or not PYTHON.exists():
            stop("仮想環境を作れません。Debian/Ubuntu なら: sudo apt install python3-venv",
                 "no virtual environment could be made. On Debian: sudo apt install python3-venv")
    if uv:
        return [uv, "pip", "install", "--python", PYTHON]
    if works(PYTHON, "-m", "pip", "--version") or works(PYTHON, "-m", "ensurepip"):
        return [PYTHON, "-m", "pip", "install", "--disable-pip-version-check"]
    outer = [sys.executable, "-m", "pip", "--python", PYTHON]  # pip >= 22.3 installs from outside
    if works(*outer, "--version"):
        return [*outer, "install", "--disable-pip-version-check"]
    return stop("pip がありません。sudo apt install python3-venv(または python3-pip)を実行するか、"
                "uv (https://docs.astral.sh/uv/) を入れてから、もう一度どうぞ。",
                "there is no pip. Run: sudo apt install python3-venv (or python3-pip), or install "
                "uv (https://docs.astral.sh/uv/), then try again.")


def install(extra):
    """Install the project and an extra, unless that was done for this very pyproject.toml."""
    wanted = hashlib.sha256((ROOT / "pyproject.toml").read_bytes()).hexdigest() + f" {ROOT}"
    stamps = [VENV / f".installed-{name}" for name in ENOUGH[extra]]
    if PYTHON.exists() and any(s.is_file() and s.read_text("utf-8") == wanted for s in stamps):
        return
    command = installer(shutil.which("uv"))
    say(f"必要なものを入れます([{extra}])。初回は 1 分ほどかかります。",
        f"installing what is needed ([{extra}]); about a minute the first time")
    code = call([*command, "--quiet", "-e", f".[{extra}]"])
    if code != 0:
        stop("インストールに失敗しました。上のエラーを見て、通信とプロキシの設定を確かめてください。",
             "the installation failed: see the error above, and check the network and proxy.", code)
    stamps[0].write_text(wanted, "utf-8")


def main(arguments):
    """Do one job, and give its exit code: 2 for a job that does not exist."""
    if sys.version_info < (3, 11):  # noqa: UP036
        stop("Python 3.11 以上が必要です(今は {}.{})。".format(*sys.version_info),
             "Python 3.11 or later is needed; this is {}.{}.".format(*sys.version_info))
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # a Windows code page without Japanese
    if not arguments or arguments[0] not in JOBS:
        print("python3 run.py JOB [...]\n")
        print("\n".join(f"  {job:6} {ja} / {en}" for job, (_, ja, en, _) in JOBS.items()))
        return 0 if arguments[:1] in (["-h"], ["--help"], ["help"]) else 2
    extra, _, _, commands = JOBS[arguments[0]]
    install(extra)
    more = [[]] * (len(commands) - 1) + [arguments[1:]]
    codes = [call([PYTHON, *command, *rest]) for command, rest in zip(commands, more)]
    return next((code for code in codes if code != 0), 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
