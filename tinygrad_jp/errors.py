"""Every exception and its text: what went wrong, where, and how to repair it.

Texts are in Japanese and English; the language is chosen when the text is shown, from
`set_language`, then TINYGRAD_JP_LANG, then the locale. An error keeps its facts (shapes, names,
values) as attributes, so that a program can read them.
"""

from __future__ import annotations

import os
import warnings
from typing import Any, Literal

from numpy.linalg import LinAlgError

Language = Literal["ja", "en"]
_chosen: list[Language | None] = [None]


def set_language(language: Language | None) -> None:
    """Choose the language of errors, warnings and pictures: "ja", "en", or None for the locale.

    Raises OptionError for any other value.
    """
    if language not in ("ja", "en", None):
        raise OptionError("language", given=language)
    _chosen[0] = language


def language() -> Language:
    """Give the language in force."""
    if _chosen[0] is not None:
        return _chosen[0]
    name = os.environ.get("TINYGRAD_JP_LANG")
    if not name:
        from locale import getlocale  # 1 ms, and most programs never show an error

        name = getlocale()[0] or os.environ.get("LANG", "")
    return "ja" if name.lower().startswith(("ja", "japanese")) else "en"


def text(key: str, **facts: Any) -> str:
    """Fill in the text of `key` in the language in force."""
    ja, en = MESSAGES[key]
    return (ja if language() == "ja" else en).format(**facts)


class TinygradError(Exception):
    """What every error of this package is; `key` names the text and `facts` fill it."""

    def __init__(self, key: str, **facts: Any) -> None:
        super().__init__(key)
        self.key = key
        self.facts = facts

    def __str__(self) -> str:
        return text(self.key, **self.facts)

    def __reduce__(self) -> Any:
        return _rebuild, (type(self), self.key, self.facts)


def _rebuild(kind: type[TinygradError], key: str, facts: dict[str, Any]) -> TinygradError:
    return kind(key, **facts)


class ShapeError(TinygradError, ValueError):
    """Shapes that do not fit."""


class DTypeError(TinygradError, TypeError):
    """A dtype that cannot do what is asked."""


class GradientError(TinygradError, RuntimeError):
    """A gradient that cannot be had: no graph, a freed one, or one whose arrays changed."""


class RuleError(TinygradError, TypeError):
    """A NumPy function that a Tensor cannot take part in."""


class ArgumentError(TinygradError, TypeError):
    """A call with arguments that the function does not take."""


class OptionError(TinygradError, ValueError):
    """An argument whose value makes no sense here."""


class MatrixError(TinygradError, LinAlgError):
    """A matrix that has no inverse, no Cholesky factor, no converging decomposition."""


class LabelError(TinygradError, IndexError):
    """A class index outside the number of classes."""


class StateDictError(TinygradError, KeyError, RuntimeError):
    """A state dict whose keys or shapes do not fit the module."""

    __str__ = TinygradError.__str__


class NonFiniteError(TinygradError, FloatingPointError):
    """A NaN or an infinity where there must be none."""


class GradcheckError(TinygradError, AssertionError):
    """A derivative that disagrees with numerical differentiation."""


class RegistryError(TinygradError, ValueError):
    """A rule that cannot be registered."""


class MissingExtraError(TinygradError, ImportError):
    """An optional package that is not installed."""


class DownloadError(TinygradError, OSError):
    """A data set that could not be had over the network."""


class TinygradWarning(UserWarning):
    """What every warning of this package is."""


def warn(key: str, stacklevel: int = 3, **facts: Any) -> None:
    """Warn with the text of `key`."""
    warnings.warn(text(key, **facts), TinygradWarning, stacklevel=stacklevel)


def missing(package: str, extra: str) -> MissingExtraError:
    """Make the error for an optional package that is not installed."""
    return MissingExtraError("missing_extra", package=package, extra=extra)


# key: (日本語, English). One sentence says what and where, the next how to repair it.
MESSAGES: dict[str, tuple[str, str]] = {
    "language": (
        "言語 {given!r} はありません。'ja'、'en'、または None(ロケールに従う)を指定してください。",
        "no such language: {given!r}. Give 'ja', 'en', or None (follow the locale).",
    ),
    "missing_extra": (
        "{package} が入っていません。pip install \"tinygrad-jp[{extra}]\" で入ります。",
        '{package} is not installed. Install it with: pip install "tinygrad-jp[{extra}]"',
    ),
    "rule_twice": (
        "{name} の規則はすでに登録されています。自作の演算は primitive で別の関数にしてください。",
        "{name} has a rule already. Make your own operation a function of its own with primitive.",
    ),
    "rule_arity": (
        "{name} の規則: 微分が {pulls} 個、配列引数が {names} で、数が合いません。",
        "rule for {name}: {pulls} pulls for the array arguments {names}; give one for each.",
    ),
    "bad_call": (
        "{op} をこの引数では呼べません: {reason}。受け取れる形: {takes}",
        "{op} cannot be called like this: {reason}. It takes: {takes}",
    ),
    "unknown_argument": (
        "{op} の引数 {name} は Tensor では使えません(無視すると勾配が黙って誤るため)。"
        "{name} を使わずに書くか、勾配が不要なら x.detach().numpy() に対して呼んでください。",
        "{op}: the argument {name} is not supported on a Tensor (ignoring it would give a silently "
        "wrong gradient). Write it without {name}, or call it on x.detach().numpy() if you need "
        "no gradient.",
    ),
    "no_rule": (
        "{op} には微分の規則がないので Tensor には使えません。勾配が不要なら "
        "{op}(x.detach().numpy()) を、必要なら tinygrad_jp.rule で規則を登録してください。",
        "{op} has no derivative rule, so it cannot take a Tensor. Call {op}(x.detach().numpy()) "
        "if you need no gradient, or register a rule with tinygrad_jp.rule.",
    ),
    "unsupported": (
        "{op} は Tensor では使えません: {reason}",
        "{op} cannot take a Tensor: {reason}",
    ),
    "ufunc_method": (
        "np.{op}.{method} は Tensor では使えません。np.sum、np.prod、np.max、np.min、np.cumsum や "
        "添字での加算 tj.scatter_add を使ってください。",
        "np.{op}.{method} cannot take a Tensor. Use np.sum, np.prod, np.max, np.min, np.cumsum, or "
        "tj.scatter_add to add at indices.",
    ),
    "operand": (
        "{op} の引数に {kind} は使えません。数、リスト、配列、Tensor を渡してください。",
        "{op} cannot take a {kind}. Give it a number, a list, an array or a Tensor.",
    ),
    "array_of_grad": (
        "勾配を追跡中の Tensor{name} を、黙って配列に変えることはできません(勾配が消えます)。"
        "値だけが要るなら .detach() または .numpy() を使ってください。",
        "Tensor{name} requires a gradient and will not silently turn into an array (the gradient "
        "would be lost). Use .detach() or .numpy() if you want the values only.",
    ),
    "op_failed": (
        "{op} を計算できません: {reason}。引数: {args}。{hint}",
        "{op} cannot be computed: {reason}. Arguments: {args}. {hint}",
    ),
    "requires_grad_dtype": (
        "{dtype} の Tensor{name} は勾配を持てません。x.float() などで浮動小数点数にしてください。",
        "Tensor{name} of dtype {dtype} cannot require a gradient. Make it floating point first, "
        "for instance with x.float().",
    ),
    "backward_no_graph": (
        "この Tensor{name} には逆伝播できる計算グラフがありません。入力に requires_grad=True が"
        "あるか、no_grad() の中や detach() の後でないかを確かめてください。",
        "Tensor{name} has no graph to go back through. See that an input has requires_grad=True, "
        "and that this was not computed under no_grad() or after detach().",
    ),
    "backward_not_scalar": (
        "backward() はスカラーから始めます。この Tensor{name} の形は {shape} です。"
        ".sum() や .mean() でスカラーにするか、backward(gradient) に同じ形の配列を渡してください。",
        "backward() starts from a scalar, and Tensor{name} has shape {shape}. Reduce it with "
        ".sum() or .mean(), or pass backward(gradient) an array of that shape (for all rows at "
        "once: tj.jacobian).",
    ),
    "gradient_shape": (
        "渡された勾配の形 {given} が Tensor の形 {shape} と違います。同じ形で渡してください。",
        "the gradient given has shape {given}, the Tensor has {shape}. Give one of the same shape.",
    ),
    "backward_twice": (
        "この計算グラフ({op})はもう逆伝播を終えて解放されています。もう一度使うなら、最初の "
        "backward に retain_graph=True を渡すか、順伝播からやり直してください。",
        "the graph of {op} was freed by an earlier backward(). Pass retain_graph=True to the "
        "first backward(), or run the forward pass again.",
    ),
    "changed_in_place": (
        "{op} の勾配に要る配列 {slot}{name} が、順伝播の後でその場で書き換えられました。"
        "書き換えを backward() の後に移すか、x = x + y のように新しい Tensor を作ってください。",
        "the array {slot}{name} that the gradient of {op} needs was changed in place after the "
        "forward pass. Change it after backward(), or make a new Tensor: x = x + y.",
    ),
    "leaf_in_place": (
        "勾配を求める葉の Tensor{name} を、その場で変えることはできません。更新なら with "
        "tj.no_grad(): の中で行い、計算の一部なら x = x + y のように新しい Tensor にしてください。",
        "Tensor{name} is a leaf that requires a gradient and cannot be changed in place. To update "
        "it, do so inside `with tj.no_grad():`; as part of a computation, write x = x + y.",
    ),
    "in_place_shape": (
        "その場の演算 {op} の結果の形 {result} が、左辺の形 {shape} と違います。",
        "in-place {op} would give shape {result}, but the left side has shape {shape}.",
    ),
    "rule_shape": (
        "{op} の規則が引数 {argument} に形 {given} の勾配を返しました。正しくは {shape} です。"
        "規則を直すか、引数どうしが形を広げ合う演算なら broadcasts=True で登録してください。",
        "the rule of {op} gave a gradient of shape {given} for the argument {argument}, whose "
        "shape is {shape}. Mend the rule; if its arguments broadcast, register it with "
        "broadcasts=True.",
    ),
    "unused_input": (
        "{index} 番目の入力{name}は出力につながっていません。allow_unused=True なら None を返します。",
        "input {index}{name} has no path to the outputs. Pass allow_unused=True to get None for it.",
    ),
    "input_no_grad": (
        "{index} 番目の入力{name}は requires_grad=True ではありません。",
        "input {index}{name} does not require a gradient; call .requires_grad_() on it first.",
    ),
    "item_not_one": (
        "形 {shape} の Tensor は 1 つの数になりません。.tolist() を使うか、添字で 1 つ選んでください。",
        "a Tensor of shape {shape} is not one number. Use .tolist(), or pick one element by index.",
    ),
    "bool_not_one": (
        "形 {shape} の Tensor の真偽は決まりません。.any() か .all() を使ってください。",
        "the truth of a Tensor of shape {shape} is not defined. Use .any() or .all().",
    ),
    "non_finite_forward": (
        "順伝播の {op} で {what} が生じました。引数: {inputs}。場所: {where}。{hint}",
        "{what} arose in the forward pass of {op}. Its inputs: {inputs}. At: {where}. {hint}",
    ),
    "non_finite_backward": (
        "逆伝播の {op} で {what} が生じました(引数 {argument} への勾配)。届いた勾配: {inputs}。"
        "順伝播の場所: {where}。{hint}",
        "{what} arose in the backward pass of {op} (gradient of argument {argument}). The gradient "
        "that arrived: {inputs}. Forward pass at: {where}. {hint}",
    ),
    "is_ja": ("ja", "en"),
    "not_a_leaf": (
        "計算で得た Tensor{name} の requires_grad は切れません。.detach() を使ってください。",
        "Tensor{name} was computed, so requires_grad cannot be turned off. Use .detach().",
    ),
    "len_of_0d": (
        "0 次元の Tensor に長さはなく、順に取り出すこともできません。.item() を使ってください。",
        "a 0-d Tensor has no length and cannot be iterated over. Use .item().",
    ),
    "not_an_index": (
        "{dtype} の Tensor は添字になりません。整数(.long())か真偽値にしてください。",
        "a Tensor of dtype {dtype} is not an index. Make it integer (.long()) or boolean.",
    ),
    "deepcopy_of_graph": (
        "計算で得た Tensor{name} は複製できません。.detach().clone() を使ってください。",
        "Tensor{name} was computed and cannot be deep-copied. Use .detach().clone().",
    ),
    "not_numbers": (
        "Tensor にできません: {reason}。長さのそろった数のリストか配列を渡してください。",
        "cannot make a Tensor: {reason}. Give numbers, lists of equal lengths, or an array.",
    ),
    "dtype_unknown": (
        "dtype {dtype} の Tensor は作れません。真偽値、整数、浮動小数点数だけです。",
        "no Tensor of dtype {dtype}: only booleans, integers and floating point numbers.",
    ),
    "default_dtype": (
        "既定の dtype は float16、float32、float64 のどれかです({given} は不可)。",
        "the default dtype is float16, float32 or float64, not {given}.",
    ),
    "labels_shape": (
        "cross_entropy: ロジットの形 {z} とラベルの形 {t} が合いません。(N, K) と (N,) で、"
        "N は 1 以上にしてください。",
        "cross_entropy: logits of shape {z} do not fit labels of shape {t}. Give (N, K) and (N,) "
        "with N at least 1.",
    ),
    "label_range": (
        "ラベル {label}({place} 番目)はクラス数 {classes} の範囲 0〜{classes}-1 の外です。"
        "ラベルが 1 から始まるなら 1 を引き、そうでなければ出力の数を増やしてください。",
        "label {label} (at row {place}) is outside 0 to {classes}-1. Subtract 1 if your labels "
        "start at 1; otherwise give the model more outputs.",
    ),
    "labels_dtype": (
        "ラベルは整数のクラス番号です(dtype {dtype} は不可)。.long() で整数にしてください。",
        "labels are integer class indices, not {dtype}. Make them integers with .long().",
    ),
    "download": (
        "{file} を取得できません({reason})。ネット接続を確かめてください。通信なしなら {offline} が"
        "使えます。手元にファイルがあれば {folder} に置いてください(場所は TINYGRAD_JP_DATA で選べます)。",
        "{file} could not be downloaded ({reason}). Check the network. Without one, {offline} works. "
        "If you have the file, put it in {folder} (choose the folder with TINYGRAD_JP_DATA).",
    ),
    "hint_none": ("", ""),
    "hint_broadcast": (
        "右端からそろえた各軸の長さは、同じか、片方が 1 でなければなりません。x.reshape(...) や "
        "x[:, None] で形を合わせてください。",
        "Aligned from the right, the lengths of each axis must be equal or one of them 1: fit the "
        "shapes with x.reshape(...) or x[:, None].",
    ),
    "hint_matmul": (
        "左の最後の軸と右の最後から 2 番目の軸の長さを合わせてください(転置は x.T、"
        "バッチごとなら x.mT)。",
        "The last axis of the left and the last but one of the right must be equally long "
        "(transpose with x.T, or x.mT within a batch).",
    ),
    "hint_linear": (
        "x の最後の軸の長さは、重み w (出力数, 入力数) の入力数と同じでなければなりません。",
        "The last axis of x must be as long as the inputs of the weight w (outputs, inputs).",
    ),
    "hint_axis": (
        "軸は -ndim から ndim-1 までの整数です。x.ndim を確かめてください。",
        "An axis is an integer from -ndim to ndim-1; see x.ndim.",
    ),
    "hint_index": (
        "添字が範囲の外です。x.shape を確かめてください。",
        "The index is out of range; see x.shape.",
    ),
    "hint_reshape": (
        "要素の総数は変えられません。1 つの軸だけ -1 にすれば自動で決まります。",
        "The number of elements cannot change; give one axis as -1 to have it worked out.",
    ),
    "hint_list": (
        "並べる配列は、つなぐ軸のほかは同じ形でなければなりません。",
        "Arrays to be joined must have equal shapes but for the axis they are joined along.",
    ),
    "hint_dtype": (
        "この演算ができる dtype か確かめてください(x.float() で浮動小数点数になります)。",
        "See whether the operation takes this dtype (x.float() makes it floating point).",
    ),
    "transform_of": (
        "tj.{transform} は関数を受け取って関数を返します({kind} は関数ではありません)。"
        "計算済みの Tensor どうしの勾配なら tj.autograd.grad(outputs, inputs) を使ってください。",
        "tj.{transform} takes a function, not a {kind}. For the gradient of a Tensor already "
        "computed, use tj.autograd.grad(outputs, inputs).",
    ),
    "argnums": (
        "{name}: argnums の {argnum} に当たる位置引数がありません(渡されたのは {count} 個)。",
        "{name}: argnums names argument {argnum}, but {count} positional arguments were given.",
    ),
    "argument_kind": (
        "{path} の {kind} では微分できません。数、配列、Tensor か、それらのリスト・タプル・辞書に"
        "するか、argnums で別の引数を選んでください。",
        "{path}: cannot differentiate with respect to a {kind}. Give a number, an array, a Tensor, "
        "or lists, tuples and dicts of them, or choose other arguments with argnums.",
    ),
    "argument_dtype": (
        "{path} は {dtype} なので微分できません。x.astype(float) などで浮動小数点数にしてください。",
        "{path} is {dtype}: only floating point can be differentiated with respect to. Convert it, "
        "for instance with x.astype(float).",
    ),
    "has_aux": (
        "has_aux=True のとき {name} は (値, おまけ) の組を返します({kind} が返りました)。",
        "with has_aux=True, {name} must give a pair (value, anything else); it gave a {kind}.",
    ),
    "not_a_tensor": (
        "{name} が Tensor でなく {kind} を返したので、微分できません。途中で .item()、float()、"
        ".numpy() などを使うと勾配が切れます。Tensor のまま返してください。",
        "{name} gave a {kind}, not a Tensor, so there is nothing to differentiate. .item(), "
        "float() and .numpy() cut the gradient off: return the Tensor itself.",
    ),
    "grad_not_scalar": (
        "grad はスカラーを返す関数のためのものですが、{name} は形 {shape} を返しました。.sum() や "
        ".mean() でスカラーにするか、全成分の微分なら tj.jacobian を使ってください。",
        "grad is for functions of one number, and {name} gave shape {shape}. Reduce it with .sum() "
        "or .mean(), or use tj.jacobian for the derivatives of every element.",
    ),
    "structure": (
        "{what} の入れ子の形が合いません({given})。正しくは {wanted} です(None は配列 1 つ)。",
        "{what}: nested as {given}, but {wanted} is wanted (None stands for one array).",
    ),
    "tangent_shape": (
        "{what} の形 {given} が、対応する Tensor の形 {shape} と違います。",
        "{what} has shape {given}; the Tensor that it goes with has {shape}.",
    ),
    "matrix_failed": (
        "{op} を計算できません: {reason}。引数: {args}。逆行列がないか正定値でないかもしれません。"
        "tj.linalg.pinv を使うか、対角に小さな数(1e-6 など)を足してください。",
        "{op} cannot be computed: {reason}. Arguments: {args}. The matrix may be singular or not "
        "positive definite: use tj.linalg.pinv, or add a small number (1e-6) to the diagonal.",
    ),
}
