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


class Phrase:
    """A text inside another one, put into words when that one is shown."""

    def __init__(self, key: str, **facts: Any) -> None:
        self.key = key
        self.facts = facts

    def __str__(self) -> str:
        return text(self.key, **self.facts)


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


class RenderError(TinygradError, RuntimeError):
    """A picture that the layout engine could not draw."""


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
        "逆伝播の {op} で {what} が生じました(引数 {argument} への勾配)。届いた勾配 g と順伝播で"
        "とっておいた値: {inputs}。順伝播の場所: {where}。{hint}",
        "{what} arose in the backward pass of {op} (gradient of argument {argument}). The gradient "
        "g that arrived, and what the forward pass kept: {inputs}. Forward pass at: {where}. {hint}",
    ),
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
        "{path} は {dtype} なので微分できません。x.astype(float) などで浮動小数点数に"
        "してください。",
        "{path} is {dtype}: only floating point can be differentiated with respect to. Convert "
        "it, for instance with x.astype(float).",
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
    "one_number": (
        "{what} は数を 1 つ返す関数でなければなりません(形 {shape} が返りました)。"
        ".sum() などで 1 つにしてください。",
        "{what} must give one number; it gave shape {shape}. Reduce it, for instance with .sum().",
    ),
    "step": (
        "差分の幅 h は正の数です({h} は不可)。",
        "the step h must be a positive number, not {h}.",
    ),
    "step_too_small": (
        "幅 h={h} は {dtype} の {value} には小さすぎ、足しても値が変わりません。"
        "h を大きくするか(省けば自動で選びます)、float64 にしてください。",
        "the step h={h} is too small for {value} in {dtype}: adding it changes nothing. Take a "
        "larger h (leave it out to have one chosen), or float64.",
    ),
    "difference_method": (
        "method は 'central' か 'forward' です({given!r} は不可)。",
        "method is 'central' or 'forward', not {given!r}.",
    ),
    "gradcheck_mode": (
        "mode は 'full' か 'direction' です({given!r} は不可)。",
        "mode is 'full' or 'direction', not {given!r}.",
    ),
    "gradcheck_order": (
        "order は 1 以上の整数です({given!r} は不可)。",
        "order is an integer from 1 up, not {given!r}.",
    ),
    "gradcheck_nothing": (
        "gradcheck: 微分できる入力がありません。浮動小数点数の配列か Tensor を渡してください。",
        "gradcheck: no input can be differentiated. Give it floating point arrays or Tensors.",
    ),
    "gradcheck_no_path": (
        "gradcheck: {name} の出力はどの入力からもたどれません。引数を使わず外の変数を見ていないか、"
        ".detach() や no_grad() で切れていないかを確かめてください。",
        "gradcheck: no output of {name} can be traced to an input. See that it uses its arguments "
        "rather than variables from outside, and that no .detach() or no_grad() cuts the path.",
    ),
    "gradcheck_changes": (
        "gradcheck: {name} は同じ入力に毎回違う値を返します。ドロップアウトなどの乱数を"
        "止めてください。",
        "gradcheck: {name} gives different values for the same inputs. Switch off dropout and "
        "other randomness.",
    ),
    "gradcheck_low": (
        "gradcheck: {name} は float64 の入力に {dtype} を返しました。幅を {eps}、許容誤差を "
        "atol={atol}、rtol={rtol} に緩めて調べます。",
        "gradcheck: {name} gave {dtype} for float64 inputs; checking with a step of {eps} and "
        "looser tolerances (atol={atol}, rtol={rtol}).",
    ),
    "gradcheck": (
        "{order} 階の微分が合いません。出力 {output}{output_index} を入力 {input}{index} で微分: "
        "解析的には {analytic:.9g}、数値微分では {numerical:.9g}(相対誤差 {relative:.2g})。"
        "{total} 個中 {failed} 個が不一致。{kink}",
        "derivative of order {order} disagrees: output {output}{output_index} by input "
        "{input}{index} is {analytic:.9g} analytically, {numerical:.9g} numerically (relative "
        "error {relative:.2g}). {failed} of {total} disagree. {kink}",
    ),
    "gradcheck_direction": (
        "{order} 階の微分が合いません。入力 {input} を乱数の方向に動かしたとき: 解析的には "
        "{analytic:.9g}、数値微分では {numerical:.9g}(相対誤差 {relative:.2g})。",
        "derivative of order {order} disagrees along a random direction of input {input}: "
        "{analytic:.9g} analytically, {numerical:.9g} numerically (relative error {relative:.2g}).",
    ),
    "kink": (
        "ここは折れ目の近くです: 左からの傾き {left:.6g}、右からの傾き {right:.6g}。"
        "折れ目から離れた入力で調べてください。",
        "A kink is near: the slope from the left is {left:.6g}, from the right {right:.6g}. Check "
        "at an input away from it.",
    ),
    "no_kink": (
        "左右の傾きは一致しているので、折れ目ではなく微分の規則を疑ってください。",
        "The slopes from left and right agree, so suspect the rule, not a kink.",
    ),
    "norm_order": (
        "ord={order!r} のノルムは {ndim} 次元にはありません。ベクトルには数か ±np.inf、行列には "
        "'fro'、'nuc'、±1、±2、±np.inf を、axis とともに指定してください。",
        "there is no norm ord={order!r} for {ndim} axes. Give a number or ±np.inf for vectors, "
        "'fro', 'nuc', ±1, ±2 or ±np.inf for matrices, and axis to choose between them.",
    ),
    "svd_full": (
        "形 {shape} の行列の U と V をすべての列まで求めると、足される列は任意で微分がありません。"
        "np.linalg.svd(x, full_matrices=False) としてください。",
        "full U and V of a matrix of shape {shape} hold arbitrary columns, without a derivative. "
        "Call np.linalg.svd(x, full_matrices=False).",
    ),
    "svd_hermitian": (
        "svd の hermitian=True は Tensor では使えません。対称行列なら np.linalg.eigh を使ってください。",
        "svd of a Tensor does not take hermitian=True. For a symmetric matrix use np.linalg.eigh.",
    ),
    "qr_mode": (
        "qr の mode={mode!r} は形 {shape} の Tensor では使えません(足される列は任意で微分がありません)。"
        "'reduced' か 'r' を使ってください。",
        "qr of a Tensor of shape {shape} does not take mode={mode!r} (the columns that are added "
        "are arbitrary). Use 'reduced' or 'r'.",
    ),
    "tensorinv_ind": (
        "tensorinv の ind は 1 以上です({ind} は不可)。",
        "tensorinv takes ind of at least 1, not {ind}.",
    ),
    "non_finite_input": (
        "{op} の引数 {argument} には、計算の前から {what} が入っていました(この演算のせいでは"
        "ありません)。引数: {inputs}。場所: {where}。データかパラメータを調べてください: "
        "np.isnan(x).any()",
        "{what} came into {op} with its argument {argument}; the operation is not to blame. Its "
        "inputs: {inputs}. At: {where}. Look at the data or parameters: np.isnan(x).any()",
    ),
    "non_finite_gradient": (
        "逆伝播に渡された勾配に、初めから {what} が入っていました({op} に届いた勾配: {inputs})。"
        "順伝播の場所: {where}。",
        "{what} was in the gradient that the backward pass was started with (at {op}: {inputs}). "
        "Forward pass at: {where}.",
    ),
    "line_unknown": ("不明", "unknown"),
    "line_unknown_hint": (
        "不明(順伝播も detect_anomaly() の中で行えば分かります)",
        "unknown (run the forward pass inside detect_anomaly() too, and it will be known)",
    ),
    "hint_log_zero": (
        "log(0) は −∞ です。log(x + 1e-7) とするか、確率なら log_softmax や cross_entropy を"
        "ロジットに使ってください。",
        "log(0) is −∞. Write log(x + 1e-7), or for probabilities use log_softmax or cross_entropy "
        "on the logits.",
    ),
    "hint_log_negative": (
        "負の数の log はありません。log の前の値の符号を調べてください。",
        "a negative number has no logarithm. Look at the sign of what goes into log.",
    ),
    "hint_divide_zero": (
        "0 で割っています。分母に 1e-7 のような小さな数を足してください。",
        "this divides by 0. Add a small number such as 1e-7 to the denominator.",
    ),
    "hint_root_negative": (
        "負の数の平方根はありません。np.maximum(x, 0) などで 0 以上にしてください。",
        "a negative number has no square root. Keep it at 0 or above, for instance with "
        "np.maximum(x, 0).",
    ),
    "hint_root_zero": (
        "0 での根の傾きは無限大です。sqrt(x + 1e-12) のように小さな数を足してください。",
        "the slope of a root at 0 is infinite. Add a small number inside: sqrt(x + 1e-12).",
    ),
    "hint_exp": (
        "exp があふれました(float32 では 88、float64 では 709 まで)。最大値を引いてから exp を"
        "取るか、softmax、logsumexp、sigmoid、softplus を使ってください。",
        "exp overflowed (its limit is 88 in float32, 709 in float64). Subtract the maximum first, "
        "or use softmax, logsumexp, sigmoid or softplus.",
    ),
    "hint_power": (
        "0 の負のべき乗、または負の数の整数でないべき乗です。底を正に保ってください。",
        "this is a negative power of 0, or a fractional power of a negative number. Keep the base "
        "positive.",
    ),
    "hint_edge": (
        "定義域の端(±1)では傾きが無限大です。np.clip(x, -1 + 1e-7, 1 - 1e-7) で端を避けて"
        "ください。",
        "the slope is infinite at the edge of the domain (±1). Stay off it: np.clip(x, -1 + 1e-7, "
        "1 - 1e-7).",
    ),
    "hint_domain": (
        "引数が定義域の外です。",
        "an argument is outside the function's domain.",
    ),
    "hint_overflow": (
        "値が {dtype} の範囲を超えました。学習率を下げる、入力を正規化する、勾配を制限する"
        "(clip_grad_norm_)などを試してください。",
        "the values left the range of {dtype}. Try a lower learning rate, normalised inputs, or "
        "clipping the gradient (clip_grad_norm_).",
    ),
    "hint_infinite_input": (
        "引数の無限大どうしの計算(∞ − ∞、0·∞ など)です。",
        "this combines infinite arguments (∞ − ∞, 0·∞, ...).",
    ),
    "checkpoint_changed": (
        "checkpoint: {name} をもう一度計算したら、{what}。同じ入力には同じ計算をする関数に"
        "してください。",
        "checkpoint: run again, {name} {what}. It must do the same with the same inputs.",
    ),
    "checkpoint_shape": (
        "結果の形か dtype が {then} から {now} に変わりました",
        "gave {now} where it gave {then} at first",
    ),
    "checkpoint_other": (
        "初めとは違う Tensor を使いました",
        "used a Tensor that it had not used at first",
    ),
    "optim_argument": (
        "{optimizer} に引数 {name} はありません。{hint}使える引数: {accepted}",
        "{optimizer} has no argument {name}. {hint}It takes: {accepted}",
    ),
    "optim_near": ("{near} のことではありませんか。", "Did you mean {near}? "),
    "optim_implementation": (
        "PyTorch で実装を選ぶための引数で、ここでは要りません。取り除いてください。",
        "In PyTorch it chooses an implementation; leave it out here. ",
    ),
    "optim_option": (
        "{optimizer}: {name}={given!r} は使えません。{wants} を満たす値にしてください。",
        "{optimizer}: {name}={given!r} makes no sense. It must satisfy: {wants}.",
    ),
    "optim_nesterov": (
        "SGD: nesterov=True には 0 より大きい momentum と dampening=0 が必要です。",
        "SGD: nesterov=True needs a momentum above 0, and dampening=0.",
    ),
    "optim_no_params": (
        "{optimizer} に渡されたパラメータが 1 つもありません。model.parameters() を渡し、"
        "層が self の属性になっているかを確かめてください。",
        "{optimizer} was given no parameters. Pass model.parameters(), and see that the layers "
        "are attributes of self (a generator serves only once).",
    ),
    "optim_params": (
        "{optimizer} に {kind} は渡せません。model.parameters() か、順序のある Tensor のリスト "
        "[w, b] を渡してください。",
        "{optimizer} cannot take a {kind}. Pass model.parameters(), or an ordered list of Tensors: "
        "[w, b].",
    ),
    "optim_group": (
        '{optimizer}: パラメータの組は {{"params": [...], "lr": 0.1}} の形の辞書にしてください。',
        '{optimizer}: a parameter group is a dict such as {{"params": [...], "lr": 0.1}}.',
    ),
    "optim_not_tensor": (
        "{optimizer}: {place} は {kind} です。Tensor(tj.tensor(..., requires_grad=True))か "
        "nn.Parameter にしてください。",
        "{optimizer}: {place} is a {kind}. Make it a Tensor (tj.tensor(..., requires_grad=True)) "
        "or an nn.Parameter.",
    ),
    "optim_duplicate": (
        "パラメータ {name} は {first} 番目にもあります。1 度だけ渡してください。",
        "the parameter {name} is number {first} too. Give each parameter once.",
    ),
    "optim_not_leaf": (
        "{name} は計算で得た Tensor なので最適化できません。元の Tensor を渡すか、"
        "x.detach().requires_grad_() で葉にしてください。",
        "{name} was computed and cannot be optimised. Pass the Tensor it came from, or make a leaf "
        "of it: x.detach().requires_grad_().",
    ),
    "optim_not_finite": (
        "パラメータ {name} に有限でない値が {count} 個あります(最初は添字 {place} の {value})。"
        "初期値か、読み込んだ重みを確かめてください。",
        "the parameter {name} has {count} values that are not finite (the first: {value} at "
        "{place}). Look at how it was initialised or loaded.",
    ),
    "optim_gradient_shape": (
        "パラメータ {name} の勾配の形 {given} が、パラメータの形 {shape} と違います。"
        "zero_grad() の後で backward() をやり直してください。",
        "the gradient of the parameter {name} has shape {given}, the parameter {shape}. Call "
        "zero_grad(), then backward() again.",
    ),
    "optim_state_shape": (
        "パラメータ {name} の形は {shape} ですが、最適化の状態 {entry} の形は {given} です。"
        "形を変えたなら optimizer を作り直してください。",
        "the parameter {name} has shape {shape}, but its state {entry} has shape {given}. Make a "
        "new optimizer after changing a parameter's shape.",
    ),
    "optim_state_form": (
        "{optimizer}: state_dict には 'state' と 'param_groups' が必要です。"
        "optimizer.state_dict() が返したものを渡してください。",
        "{optimizer}: a state dict has 'state' and 'param_groups'. Pass what "
        "optimizer.state_dict() gave.",
    ),
    "optim_state_groups": (
        "{optimizer}: state_dict の各組のパラメータ数 {given} が、今の {mine} と違います。"
        "同じモデルから作った optimizer に読み込んでください。",
        "{optimizer}: the state dict has groups of {given} parameters, this optimizer has {mine}. "
        "Load it into an optimizer of the same model.",
    ),
    "optim_state_misfit": (
        "state_dict の {index} 番目のパラメータの {entry} の形 {given} が、パラメータの形 {shape} "
        "と違います。パラメータの順序を確かめてください。",
        "in the state dict, {entry} of parameter {index} has shape {given}, the parameter {shape}. "
        "See whether the parameters come in the same order.",
    ),
    "optim_closure": (
        "LBFGS.step には、勾配を消し、損失を計算し、backward() を呼んで損失を返す関数を渡して"
        "ください: optimizer.step(closure)",
        "LBFGS.step needs a function that clears the gradients, computes the loss, calls "
        "backward() and returns the loss: optimizer.step(closure)",
    ),
    "optim_one_group": (
        "LBFGS が扱えるパラメータの組は 1 つだけです。",
        "LBFGS takes one parameter group only.",
    ),
    "scheduler_optimizer": (
        "{scheduler} に {kind} は渡せません。最初の引数は optimizer です。",
        "{scheduler} cannot take a {kind}. Its first argument is the optimizer.",
    ),
    "scheduler_option": (
        "{scheduler}: {name}={given!r} は使えません。{wants} を満たす値にしてください。",
        "{scheduler}: {name}={given!r} makes no sense. It must satisfy: {wants}.",
    ),
    "scheduler_order": (
        "optimizer.step() より先に scheduler.step() が呼ばれたので、最初の学習率が飛ばされます。"
        "optimizer.step()、scheduler.step() の順に呼んでください。",
        "scheduler.step() was called before optimizer.step(), so the first learning rate is "
        "skipped. Call optimizer.step(), then scheduler.step().",
    ),
    "scheduler_resume": (
        "{scheduler}: last_epoch={last_epoch} から続けるには各組に {name} が必要です。先に "
        "optimizer.load_state_dict() を呼ぶか、last_epoch を省いてください。",
        "{scheduler}: to go on from last_epoch={last_epoch}, each group needs {name}. Call "
        "optimizer.load_state_dict() first, or leave last_epoch out.",
    ),
    "scheduler_momentum": (
        "{scheduler}: {optimizer} には momentum も betas もありません。cycle_momentum=False に"
        "してください。",
        "{scheduler}: {optimizer} has neither momentum nor betas. Pass cycle_momentum=False.",
    ),
    "scheduler_steps": (
        "OneCycleLR: total_steps か、epochs と steps_per_epoch の両方を指定してください。",
        "OneCycleLR: give total_steps, or both epochs and steps_per_epoch.",
    ),
    "scheduler_over": (
        "OneCycleLR: {total} 回の予定を超えて step が呼ばれました({step} 回目)。total_steps を"
        "増やすか、1 バッチに 1 回だけ呼んでいるかを確かめてください。",
        "OneCycleLR: step number {step}, but {total} were planned. Raise total_steps, or see that "
        "step is called once a batch.",
    ),
    "init_first": (
        "{module}: {name} を設定する前に super().__init__() を呼んでください"
        "(__init__ の最初の行に書きます)。",
        "{module}: call super().__init__() before setting {name} (as the first line of __init__).",
    ),
    "no_forward": (
        "{module} には forward がありません。def forward(self, x): を書いてください。",
        "{module} has no forward. Write def forward(self, x): in it.",
    ),
    "not_a_parameter": (
        "{module}.{name} は Parameter です。{kind} では置き換えられません。nn.Parameter(...) か "
        "None を設定してください。値だけ変えるなら no_grad() の中で {name}.copy_(...) を使います。",
        "{module}.{name} is a Parameter and cannot become a {kind}. Set an nn.Parameter(...) or "
        "None; to change only its values, use {name}.copy_(...) under no_grad().",
    ),
    "not_a_buffer": (
        "{module}.{name} はバッファです。{kind} ではなく Tensor か None を設定してください。",
        "{module}.{name} is a buffer. Set a Tensor or None, not a {kind}.",
    ),
    "not_a_module": (
        "{given} は Module ではありません。層のインスタンス(たとえば nn.ReLU())を渡してください。",
        "{given} is not a Module. Give an instance of a layer, for instance nn.ReLU().",
    ),
    "attribute_name": (
        "{module} に {name!r} という名前では登録できません(空、「.」を含む、または使用済み)。",
        "{module} cannot take the name {name!r}: it is empty, has a dot in it, or is taken.",
    ),
    "no_submodule": (
        "{module} の中に {name!r} という層はありません。名前は named_modules() で見られます。",
        "{module} has no layer {name!r}. See named_modules() for the names.",
    ),
    "no_parameter": (
        "{module} の中に {name!r} はありません。名前は state_dict().keys() で見られます。",
        "{module} has no {name!r}. See state_dict().keys() for the names.",
    ),
    "module_to": (
        "to({given!r}): モデルを変えられる先は float16、float32、float64 だけです。",
        "to({given!r}): a model can only go to float16, float32 or float64.",
    ),
    "hidden_in_list": (
        "{module}.{name} は普通の {kind} なので、中の層やパラメータは parameters() に現れず、"
        "学習されません。{repair} に入れてください。",
        "{module}.{name} is a plain {kind}, so what is in it is hidden from parameters() and will "
        "not be trained. Put it in an {repair}.",
    ),
    "in_layer": (
        "層 {layer}({model} の中)",
        "in layer {layer} of {model}",
    ),
    "state_dict": (
        "{module} に state dict を読み込めません(何も変更していません)。\n  {problems}",
        "{module} cannot load this state dict (nothing was changed).\n  {problems}",
    ),
    "state_missing": (
        "足りないキー: {keys}",
        "missing keys: {keys}",
    ),
    "state_unexpected": (
        "余分なキー: {keys}(strict=False なら無視します)",
        "unexpected keys: {keys} (strict=False ignores them)",
    ),
    "state_misshapen": (
        "形が違うキー: {name} は {shape} ですが、渡された値は {given} です",
        "misshapen key: {name} is {shape}, the value given is {given}",
    ),
    "state_dict_nan": (
        "読み込む値の {name} に NaN が {count} 個あります(最初は {place})。何も変更していません。"
        "発散する前に保存したものを使ってください。",
        "{name} has {count} NaN among its values (the first at {place}); nothing was changed. Use "
        "what was saved before the training diverged.",
    ),
    "container_index": (
        "{kind} には {size} 個しかなく、{index} 番目はありません。",
        "this {kind} has {size} items, and none at {index}.",
    ),
    "container_key": (
        "{kind} に {name!r} はありません。あるのは {names} です。",
        "this {kind} has no {name!r}. It has {names}.",
    ),
    "layer_size": (
        "{name} は 0 以上の整数です({given!r} は不可)。",
        "{name} must be an integer of at least 0, not {given!r}.",
    ),
    "linear_features": (
        "{layer}: 入力の最後の軸は {wanted} のはずですが、入力の形は {given} です(weight は "
        "{weight})。前の層の出力の数か、この層の in_features を直してください。",
        "{layer}: the last axis of the input must be {wanted}, but the input has shape {given} "
        "(weight: {weight}). Mend the outputs of the layer before, or this layer's in_features.",
    ),
    "linear_flatten": (
        "{layer}: 入力の最後の軸は {wanted} のはずですが、入力の形は {given} です(weight は "
        "{weight})。平らにすれば {wanted} になります。前に nn.Flatten() を入れてください。",
        "{layer}: the last axis of the input must be {wanted}, but the input has shape {given} "
        "(weight: {weight}). Flattened, it has {wanted}: put nn.Flatten() before this layer.",
    ),
    "padding_idx": (
        "padding_idx {given} は表の行数 {size} の外です。",
        "padding_idx {given} is outside the table of {size} rows.",
    ),
    "embedding_table": (
        "埋め込みの表は (行, 次元) の 2 次元です(形 {shape} は不可)。",
        "a table of embeddings has two axes (rows, dimension), not shape {shape}.",
    ),
    "embedding_dtype": (
        "Embedding の入力は整数の番号です(dtype {dtype} は不可)。.long() で整数にしてください。",
        "an Embedding takes integer indices, not {dtype}. Make them integers with .long().",
    ),
    "embedding_index": (
        "番号 {index}(位置 {place})は、{rows} 行の表の外です。num_embeddings を増やすか、"
        "番号の振り方を直してください。",
        "index {index} (at {place}) is outside the table of {rows} rows. Raise num_embeddings, or "
        "mend the numbering.",
    ),
    "gain": (
        "{given!r} の gain は決まっていません。使えるのは {known} です。",
        "there is no gain for {given!r}. Known: {known}.",
    ),
    "fan": (
        "形 {shape} では入力と出力の数が決まりません。2 次元以上の重みに使ってください。",
        "shape {shape} has no inputs and outputs to count. Use this on a weight of two axes or more.",
    ),
    "init_dimensions": (
        "{name} は {wanted} 次元の Tensor に使います(形 {shape} は不可)。",
        "{name} fills Tensors of {wanted} axes, not of shape {shape}.",
    ),
    "fan_mode": (
        "mode は 'fan_in' か 'fan_out' です({given!r} は不可)。",
        "mode is 'fan_in' or 'fan_out', not {given!r}.",
    ),
    "truncation": (
        "区間 [{a}, {b}] は平均 {mean}、標準偏差 {std} の分布からほとんど引けません。",
        "the interval [{a}, {b}] is out of reach of a distribution of mean {mean}, deviation {std}.",
    ),
    "reduction": (
        "reduction に {given!r} はありません。使えるのは {choices} です。",
        "no such reduction: {given!r}. Choose from {choices}.",
    ),
    "loss_shapes": (
        "{loss}: 予測の形 {input} と正解の形 {target} が違います。同じ形にしてください"
        "(黙って広げると、別の量の平均になります)。",
        "{loss}: the prediction has shape {input}, the target {target}. Give both one shape "
        "(broadcasting would silently average something else).",
    ),
    "loss_shapes_squeeze": (
        "{loss}: 予測の形 {input} と正解の形 {target} が違います。予測を .squeeze(-1) するか、"
        "正解を .unsqueeze(-1)(NumPy なら .reshape(-1, 1))してください。",
        "{loss}: the prediction has shape {input}, the target {target}. Take "
        "prediction.squeeze(-1), or target.unsqueeze(-1) (in NumPy: .reshape(-1, 1)).",
    ),
    "loss_shapes_unsqueeze": (
        "{loss}: 予測の形 {input} と正解の形 {target} が違います。予測を .unsqueeze(-1) するか、"
        "正解を .squeeze(-1)(NumPy なら .reshape(-1))してください。",
        "{loss}: the prediction has shape {input}, the target {target}. Take "
        "prediction.unsqueeze(-1), or target.squeeze(-1) (in NumPy: .reshape(-1)).",
    ),
    "not_positive": (
        "{loss}: {name} は正の数です({given} は不可)。",
        "{loss}: {name} must be positive, not {given}.",
    ),
    "negative_variance": (
        "分散は 0 以上です({given} がありました)。exp や softplus で正にしてください。",
        "a variance is at least 0, and {given} is not. Make it positive with exp or softplus.",
    ),
    "label_smoothing": (
        "label_smoothing は 0 から 1 です({given} は不可)。",
        "label_smoothing lies between 0 and 1, and {given} does not.",
    ),
    "all_ignored": (
        "すべてのラベルが ignore_index か重み 0 なので、平均は NaN です。",
        "every label is ignored or has weight 0, so the mean is NaN.",
    ),
    "labels_float": (
        "ラベルが {dtype} で形 {shape} です。クラス番号なら .long() で整数にして形 {wanted} に、"
        "確率なら入力と同じ形 {z} にしてください。",
        "labels of dtype {dtype} and shape {shape}: for class indices, make them integers with "
        ".long(), of shape {wanted}; for probabilities, give the logits' shape {z}.",
    ),
    "labels_column": (
        "ロジットの形 {z} に対してラベルの形は {wanted} です({t} は不可)。.squeeze(-1) してください。",
        "logits of shape {z} take labels of shape {wanted}, not {t}. Use labels.squeeze(-1).",
    ),
    "labels_one_hot": (
        "ラベルが整数でロジットと同じ形 {t} です。one-hot なら .float() で確率に、またはクラス番号 "
        "{wanted} に(.argmax(1))してください。",
        "labels are integers of the logits' shape {t}. If they are one-hot, make them "
        "probabilities with .float(), or class indices of shape {wanted} with .argmax(1).",
    ),
    "labels_fit": (
        "ロジットの形 {z} に対してラベルの形は {wanted} です({t} は不可)。クラスの軸は 1 番目です。",
        "logits of shape {z} take labels of shape {wanted}, not {t}. The class axis is axis 1.",
    ),
    "class_weight": (
        "weight はクラスごとに 1 つ、形 ({classes},) です({given} は不可)。",
        "weight has one number per class, shape ({classes},), not {given}.",
    ),
    "not_probability": (
        "binary_cross_entropy の入力は 0 から 1 の確率です({place} に {given})。sigmoid を通すか、"
        "binary_cross_entropy_with_logits(BCEWithLogitsLoss)を使ってください。",
        "binary_cross_entropy takes probabilities between 0 and 1, and {given} (at {place}) is not "
        "one. Apply sigmoid, or use binary_cross_entropy_with_logits (BCEWithLogitsLoss).",
    ),
    "softmax_before": (
        "cross_entropy の入力がすでに softmax を通っています。中でもう一度 softmax するので、勾配が"
        "弱まり学習が遅くなります。softmax の前の値(ロジット)を渡してください。",
        "the input of cross_entropy has been through softmax already. The loss applies its own, "
        "and twice makes gradients weak and training slow: give it the logits.",
    ),
    "sigmoid_before": (
        "binary_cross_entropy_with_logits の入力がすでに sigmoid を通っています。sigmoid の前の値"
        "を渡すか、binary_cross_entropy(BCELoss)を使ってください。",
        "the input of binary_cross_entropy_with_logits has been through sigmoid already. Give it "
        "the logits, or use binary_cross_entropy (BCELoss).",
    ),
    "dropout_p": (
        "Dropout の p は 0 から 1 の確率です({given} は不可)。",
        "p of Dropout is a probability between 0 and 1, and {given} is not.",
    ),
    "dropout_channels": (
        "チャネルごとの dropout は空間の軸が {space} 個の入力を取ります(形 {given} は不可)。",
        "dropout of channels takes input with {space} axes of space, not shape {given}.",
    ),
    "pad_mode": (
        "pad の mode に {given!r} はありません。使えるのは {known} です。",
        "no such mode of pad: {given!r}. Choose from {known}.",
    ),
    "pad_pairs": (
        "pad {pad} は、後ろの軸から (前, 後) の組です。形 {given} の軸の数までにしてください。",
        "pad {pad} must be pairs (before, after) from the last axis, no more than shape {given} has.",
    ),
    "batch_of_one": (
        "{layer}: 形 {given} では値が 1 つずつしかなく、分散が決まりません。バッチを 2 以上にするか、"
        "推論なら model.eval() を呼んでください。",
        "{layer}: shape {given} has only one value to take a variance of. Use a batch of at least "
        "2, or call model.eval() if this is inference.",
    ),
    "normalized_shape": (
        "{layer}: 入力の最後の軸は {wanted} のはずですが、入力の形は {given} です。",
        "{layer}: the input must end in the axes {wanted}, and has shape {given}.",
    ),
    "group_channels": (
        "{layer}: 形 {given} のチャネル(1 番目の軸)は {groups} 組に等しく分けられません。",
        "{layer}: the channels of shape {given} (axis 1) do not divide into {groups} groups.",
    ),
    "norm_shape": (
        "{layer}: チャネルが {features} の {dimensions} 次元の入力を取ります(形 {given} は不可)。",
        "{layer} takes input of {dimensions} axes with {features} channels, not shape {given}.",
    ),
    "groups": (
        "num_channels {channels} は num_groups {groups} の倍数にしてください。",
        "num_channels {channels} must be a multiple of num_groups {groups}.",
    ),
    "grad_norm": (
        "勾配の {power}-ノルムが {total} です。tj.detect_anomaly() で出どころを調べてください。",
        "the {power}-norm of the gradients is {total}. tj.detect_anomaly() finds where it arose.",
    ),
    "vector_length": (
        "ベクトルの形 {given} が、パラメータの要素の総数 ({wanted},) と違います。",
        "the vector has shape {given}, and the parameters have ({wanted},) elements together.",
    ),
    "summary_layer": ("層", "Layer"),
    "summary_output": ("出力の形", "Output shape"),
    "summary_params": ("パラメータ数", "Parameters"),
    "summary_weight": ("重みの容量", "Weights"),
    "summary_memory": ("出力の容量", "Output"),
    "summary_parameters": (
        "パラメータ: {total}(学習する {trainable}、固定 {frozen})",
        "parameters: {total} (trainable {trainable}, frozen {frozen})",
    ),
    "summary_bytes": (
        "メモリ: パラメータ {parameters}、バッファ {buffers}、層の出力 {activations}、計 {total}",
        "memory: parameters {parameters}, buffers {buffers}, layer outputs {activations}, "
        "together {total}",
    ),
    "summary_failed": (
        "✗ ここで失敗: {name} {layer}\n  {reason}",
        "✗ failed here: {name} {layer}\n  {reason}",
    ),
    "rule_no_primitive": (
        "{name} はただの関数なので、Tensor を渡しても規則が使われません。@tj.primitive を付けて"
        "から tj.rule で登録してください。",
        "{name} is a plain function: given a Tensor it would never reach its rule. Decorate it "
        "with @tj.primitive, then call tj.rule.",
    ),
    "rule_pull": (
        "{name} の規則には Python の関数(lambda g, x: ... など)を渡してください({kind} は不可)。",
        "rule for {name}: each pull is a Python function such as lambda g, x: ..., not a {kind}.",
    ),
    "rule_name": (
        "{name} の規則が知らない名前 {unknown} を求めています。使えるのは g、y と {name} の引数 "
        "{known}、およびその形 x_shape などです。",
        "rule for {name}: it asks for {unknown}, which is unknown. It may ask for g, y, the "
        "parameters of {name} ({known}), and their shapes, as in x_shape.",
    ),
    "rule_gave": (
        "{op} の規則が引数 {argument} の勾配として {kind} を返しました。形 {shape} の配列を返す"
        "必要があります。定数なら g * 定数 のように g を掛けてください。",
        "the rule of {op} gave a {kind} as the gradient of the argument {argument}; it must give "
        "an array of shape {shape}. For a constant slope, write g * constant.",
    ),
    "parameter_grad": (
        "{op} は配列引数({arguments})でしか微分できませんが、ほかの引数に requires_grad=True の "
        "Tensor が渡されました(勾配が黙って消えます)。.detach() するか、自作の演算ならその引数の"
        "微分も tj.rule に渡してください。",
        "{op} has derivatives for {arguments} only, and another parameter was given a Tensor that "
        "requires a gradient (it would be lost). Use .detach(), or if the operation is your own, "
        "give tj.rule a pull for that parameter too.",
    ),
    "dim_and_axis": (
        "{op}: dim={dim} と axis={axis} は同じものの 2 つの名前です。どちらか一方にしてください。",
        "{op}: dim={dim} and axis={axis} are two names of one thing. Give one of them.",
    ),
    "one_dim": (
        "{op}: 軸は整数 1 つで指定してください({given!r} は不可)。複数の軸なら amax、amin、sum などで。",
        "{op}: give one axis, an integer, not {given!r}. Over several axes there are amax, amin, sum.",
    ),
    "no_dim": (
        "{op}: 軸 {dim} はありません。{ndim} 次元の Tensor の軸は 0〜{last}(後ろからは -1、-2、…)です。",
        "{op}: there is no axis {dim}. A Tensor of {ndim} axes has 0 to {last} (from the end: -1, -2, "
        "...).",
    ),
    "no_choice": (
        "{op}: {name} に {given!r} はありません。使えるのは {choices} です。",
        "{op}: {name} cannot be {given!r}. Choose from {choices}.",
    ),
    "not_sizes": (
        "{op}: 大きさは整数で、{op}(2, 3) か {op}((2, 3)) のように書いてください({given!r} は不可)。",
        "{op}: write sizes as integers, {op}(2, 3) or {op}((2, 3)), not {given!r}.",
    ),
    "no_device": (
        "装置 {device} はありません。計算は CPU で行います。\"cpu\" とするか、指定を外してください。",
        'there is no device {device}: everything runs on the CPU. Say "cpu", or leave it out.',
    ),
    "clip_bounds": (
        "clip: min と max のどちらかは必要です。",
        "clip needs min, max, or both.",
    ),
    "where_two": (
        "where は where(条件) か where(条件, x, y) です。x と y は両方渡してください。",
        "where takes where(condition) or where(condition, x, y): give both x and y.",
    ),
    "prelu_weight": (
        "prelu: 重みの形 {weight} は、1 つか、入力 {shape} のチャネル(1 番目の軸)の数にしてください。",
        "prelu: a weight of shape {weight} does not fit input {shape}. Give one, or one per channel "
        "(axis 1).",
    ),
    "glu_odd": (
        "glu: 軸 {dim} の長さ {length} は半分に分けられません。偶数にしてください。",
        "glu: axis {dim} of length {length} cannot be halved. Make it even.",
    ),
    "corrections": (
        "分散の補正が {given} と食い違っています。correction、ddof、unbiased はどれか一つにしてください。",
        "the corrections {given} disagree. Give one of correction, ddof and unbiased.",
    ),
    "empty_axis": (
        "{op}: 形 {shape} には選ぶ要素がありません。長さ 1 以上の軸で呼んでください。",
        "{op}: shape {shape} has no element to choose. Call it along an axis of at least length 1.",
    ),
    "k_range": (
        "{op}: k={k} は {low}〜{length} の外です(軸の長さは {length})。",
        "{op}: k={k} is outside {low} to {length}, the length of the axis.",
    ),
    "flatten_order": (
        "flatten: start_dim={start} が end_dim={end} より後です。入れ替えてください。",
        "flatten: start_dim={start} comes after end_dim={end}. Swap them.",
    ),
    "expand": (
        "expand: 形 {shape} を {target} には広げられません。元の軸の数以上の大きさを渡し、-1 は元からある"
        "軸にだけ使ってください。",
        "expand: shape {shape} cannot become {target}. Give at least as many sizes as there are axes, "
        "and -1 only for an axis that exists.",
    ),
    "t_dims": (
        "t() は行列用です(形は {shape})。.mT(最後の 2 軸)か permute を使ってください。",
        "t() is for matrices, not shape {shape}. Use .mT (the last two axes) or permute.",
    ),
    "mt_dims": (
        "mT には軸が 2 つ以上要ります(形は {shape})。unsqueeze で行列にしてください。",
        "mT needs at least two axes, not shape {shape}. Make it a matrix with unsqueeze.",
    ),
    "split_size": (
        "分ける大きさや個数は 1 以上です({given} は不可)。",
        "the size or number of parts must be at least 1, not {given}.",
    ),
    "split_sum": (
        "split: 大きさ {parts} の和 {total} が軸の長さ {length} と違います。",
        "split: the sizes {parts} add up to {total}, but the axis has length {length}.",
    ),
    "repeat_sizes": (
        "repeat: 形 {shape} のすべての軸に回数を渡してください({times} では足りません)。"
        "要素ごとに繰り返すなら repeat_interleave です。",
        "repeat: give a number for each axis of shape {shape}, not {times}. To repeat each element, "
        "use repeat_interleave.",
    ),
    "unfold_size": (
        "unfold: 長さ {length} の軸に、大きさ {size}、間隔 {step} の窓は置けません。",
        "unfold: a window of size {size} with step {step} does not fit an axis of length {length}.",
    ),
    "index_vector": (
        "{op}: index は 1 次元です(形 {shape} は不可)。位置ごとに選ぶなら gather を使ってください。",
        "{op}: index is a vector, not of shape {shape}. To pick place by place, use gather.",
    ),
    "narrow": (
        "narrow: 長さ {size} の軸から、{start} から {length} 個は取れません。",
        "narrow: an axis of length {size} does not hold {length} elements from {start} on.",
    ),
    "gather": (
        "{op}: index の形 {index} が {shape} に合いません。軸の数を同じにし、軸 {dim} 以外では超えない"
        "ようにしてください。",
        "{op}: index of shape {index} does not fit {shape}. Give it as many axes, none but axis {dim} "
        "longer.",
    ),
    "scatter_src": (
        "{op}: src の形 {src} が index の形 {index} より小さいか、軸の数が違います。",
        "{op}: src of shape {src} does not cover index of shape {index}.",
    ),
    "not_a_mask": (
        "{op}: マスクは真偽値です(dtype {dtype} は不可)。x > 0 のように作るか .bool() を使ってください。",
        "{op}: a mask is boolean, not {dtype}. Make one as in x > 0, or use .bool().",
    ),
    "one_hot_classes": (
        "one_hot: ラベルが空のときは num_classes を 1 以上にしてください({given} は不可)。",
        "one_hot: without labels, num_classes must be at least 1, not {given}.",
    ),
    "product_dims": (
        "{op} は {dims} 次元の Tensor を取ります(形は {shapes})。形を問わない積は matmul です。",
        "{op} takes Tensors of {dims} axes, not {shapes}. For any shapes there is matmul.",
    ),
    "bmm_batch": (
        "bmm: バッチの大きさが違います({a} と {b})。",
        "bmm: the batches differ in size: {a} and {b}.",
    ),
    "seed": (
        "乱数の種は 0 以上の整数です({given!r} は不可)。",
        "a seed is a whole number of at least 0, not {given!r}.",
    ),
    "rng_state": (
        "これは get_rng_state() が返した状態ではありません。",
        "this is not a state that get_rng_state() gave.",
    ),
    "dtype_twice": (
        "{op}: dtype が 2 度渡されました。",
        "{op}: dtype was given twice.",
    ),
    "not_an_array": (
        "from_numpy は NumPy 配列を取ります({kind} は不可)。tj.tensor を使ってください。",
        "from_numpy takes a NumPy array, not a {kind}. Use tj.tensor.",
    ),
    "arange_step": (
        "arange: 間隔 {step} では {start} から {end} へ進めません。",
        "arange: a step of {step} does not lead from {start} to {end}.",
    ),
    "randint_range": (
        "randint: low={low} は high={high} より小さくしてください。",
        "randint: low={low} must be less than high={high}.",
    ),
    "negative_std": (
        "標準偏差は 0 以上です({given} は不可)。",
        "a standard deviation is at least 0, not {given}.",
    ),
    "probability": (
        "確率は 0 以上 1 以下の浮動小数点数です({given!r} は不可)。",
        "probabilities are floating point numbers from 0 to 1, not {given!r}.",
    ),
    "draw_weights": (
        "multinomial: 重みは (K,) か (N, K) の 0 以上の数で、和が正でなければなりません({given!r} は不可)。",
        "multinomial: weights (K,) or (N, K) are at least 0 with a positive sum, not {given!r}.",
    ),
    "too_many_draws": (
        "multinomial: 重みが正の番号は {count} 個より少ないです。replacement=True にしてください。",
        "multinomial: there are fewer than {count} classes of positive weight. Say replacement=True.",
    ),
    "uniform_range": (
        "uniform_: {low} から {high} までの範囲にはできません。low ≦ high の有限の数にしてください。",
        "uniform_: {low} to {high} is no range. Give finite numbers, low at most high.",
    ),
    "memory_order": (
        "order={given!r} は配列のメモリ配置によって結果が変わるので使えません。'C' か 'F' を指定してください。",
        "order={given!r} would depend on how the array lies in memory. Give 'C' or 'F'.",
    ),
    "no_such_mode": (
        "{op} に {given!r} という指定はありません(または Tensor では使えません)。使えるもの: {known}。",
        "{op} has no {given!r}, or none for Tensors. It has: {known}.",
    ),
    "axes_repeated": (
        "{op}: 2 つの軸は別でなければなりません({given} は同じ軸です)。",
        "{op} needs two different axes; {given} name the same one.",
    ),
    "ndim_needed": (
        "{op} は {known} 次元の Tensor を取ります({given} 次元が渡されました)。reshape で形を変えてください。",
        "{op} takes Tensors of {known} dimensions, and was given {given}. Change the shape with "
        "reshape.",
    ),
    "split_sections": (
        "長さ {length} の軸は {given} 個に等分できません。np.array_split か、切る位置のリストを使ってください。",
        "an axis of length {length} cannot be cut into {given} equal parts. Use np.array_split, or "
        "give a list of places.",
    ),
    "choice_outside": (
        "番号は 0 から {n} 個の範囲になければなりません({low} から {high} がありました)。",
        "indices must lie between 0 and {n} − 1; they go from {low} to {high}.",
    ),
    "piecewise_functions": (
        "np.piecewise: 条件が {conditions} 個、関数が {functions} 個です。関数は条件と同じ数か、"
        "1 つ多く(それ以外の場合)渡してください。",
        "np.piecewise has {conditions} conditions and {functions} functions. Give as many "
        "functions as conditions, or one more for the rest.",
    ),
    "at_least": (
        "{op}: {name} は {low} 以上でなければなりません({given} が渡されました)。",
        "{op}: {name} must be {low} or more, not {given}.",
    ),
    "gradient_spacing": (
        "np.gradient の間隔の個数 {given} が {axes} と合いません。数を 1 つか、軸ごとに 1 つ"
        "(数、または各点の座標)渡してください。",
        "np.gradient: the number of spacings {given} does not fit {axes}. Give one number, or one "
        "for each axis (a number, or the coordinate of every point).",
    ),
    "too_short": (
        "{op}: 軸の長さ {given} が足りません({low} 以上が必要です)。",
        "{op}: an axis of length {given} is too short; it needs {low} or more.",
    ),
    "interp_points": (
        "np.interp の点 xp と fp は同じ長さのベクトルです(形は {xp} と {fp} でした)。",
        "the points xp and fp of np.interp are vectors of one length; their shapes are {xp} and "
        "{fp}.",
    ),
    "two_vectors": (
        "{op} は空でないベクトルを 2 つ取ります(形は {a} と {v} でした)。",
        "{op} takes two vectors that are not empty; their shapes are {a} and {v}.",
    ),
    "tensordot_axes": (
        "np.tensordot: 形 {a} の軸 {first} と形 {b} の軸 {second} の長さが合いません。",
        "np.tensordot: the axes {first} of shape {a} and {second} of shape {b} differ in length.",
    ),
    "cross_lengths": (
        "np.cross は 3 成分のベクトルだけを取ります(形は {a} と {b} でした)。",
        "np.cross takes vectors of 3 components; the shapes are {a} and {b}.",
    ),
    "multi_dot_few": (
        "np.linalg.multi_dot には行列を 2 つ以上渡してください。",
        "np.linalg.multi_dot takes two matrices or more.",
    ),
    "einsum_operands": (
        "einsum の式 '{subscripts}' には項が {terms} 個ありますが、配列は {arrays} 個です。",
        "the subscripts '{subscripts}' of einsum have {terms} terms for {arrays} arrays.",
    ),
    "einsum_axes": (
        "einsum の式 '{subscripts}' の項 '{term}' が、{ndim} 次元の配列と合いません。",
        "the term '{term}' in the subscripts '{subscripts}' of einsum does not fit an array of "
        "{ndim} dimensions.",
    ),
    "einsum_length": (
        "einsum の添字 '{label}' の長さが {a} と {b} で違います。",
        "the label '{label}' of einsum has the lengths {a} and {b}.",
    ),
    "einsum_result": (
        "einsum の式 '{subscripts}' の結果 '{result}' に、項にない添字か、くり返しがあります。",
        "the result '{result}' in the subscripts '{subscripts}' of einsum has a label that is in no "
        "term, or one twice.",
    ),
    "axis_needed": (
        "{op}: 2 次元以上の Tensor では axis を指定してください。",
        "{op}: give an axis for a Tensor of two dimensions or more.",
    ),
    "draw_not_a_tensor": (
        "draw が描けるのは Tensor です({kind} は不可)。モデルなら draw(model(x)) のように、出力を"
        "渡してください。",
        "draw takes a Tensor, not {kind}. For a model give its output: draw(model(x)).",
    ),
    "draw_no_graph": (
        "Tensor{name} には描ける計算グラフがありません。入力に requires_grad=True があるか、"
        "no_grad() の中や detach() の後でないかを確かめてください。",
        "Tensor{name} has no graph to draw. See that an input has requires_grad=True, and that "
        "this was not computed under no_grad() or after detach().",
    ),
    "draw_freed": (
        "計算グラフ({op})は backward() で解放されたので描けません。backward() の前に描くか、"
        "backward(retain_graph=True) としてください。",
        "the graph of {op} was freed by backward() and cannot be drawn. Draw it before backward(), "
        "or call backward(retain_graph=True).",
    ),
    "draw_names": (
        "names に {kind} は使えません。locals()、Module、model.named_parameters、または (名前, "
        "Tensor) の組を渡してください。",
        "names cannot be a {kind}. Give locals(), a Module, model.named_parameters, or (name, "
        "Tensor) pairs.",
    ),
    "draw_direction": (
        "向き {given!r} はありません。{known} のどれかを指定してください。",
        "no such direction: {given!r}. Give one of {known}.",
    ),
    "draw_suffix": (
        "{given} の形式では保存できません。ファイル名の終わりを {known} のどれかにしてください。",
        "cannot save as {given}. End the file's name in one of {known}.",
    ),
    "draw_engine_given": (
        "{variable} が指す {given!r} は実行できません。dot の場所を指定するか、{variable} を"
        "消してください。",
        "{variable} names {given!r}, which cannot be run. Give the path of dot, or unset "
        "{variable}.",
    ),
    "draw_no_engine": (
        "図を描くプログラムがありません。pip install \"tinygrad-jp[graph]\" とするか、Graphviz を"
        "入れてください(apt-get install graphviz など。場所は {variable} で指定できます)。"
        ".dot、.mmd、.txt での保存と print は、このままでも使えます。",
        'no program to lay the picture out. Run pip install "tinygrad-jp[graph]", or install '
        "Graphviz (apt-get install graphviz or the like; {variable} may name its dot). Saving as "
        ".dot, .mmd or .txt and print work as it is.",
    ),
    "draw_engine_failed": (
        "{program} が図を描けませんでした: {reason}。別の dot を TINYGRAD_JP_DOT で指定するか、"
        ".dot で保存して調べてください。",
        "{program} could not draw the picture: {reason}. Name another dot in TINYGRAD_JP_DOT, or "
        "save as .dot and look into it.",
    ),
    "draw_timeout": (
        "{program} が {seconds} 秒たっても図を描き終えません。計算の一部を draw に渡すか、"
        ".txt か .dot で保存してください。",
        "{program} did not finish the picture in {seconds} s. Draw a part of the computation, or "
        "save as .txt or .dot.",
    ),
    "draw_no_size": (
        "SVG から図の大きさを読み取れません。.svg で保存してください。",
        "the SVG does not tell the size of the picture. Save it as .svg.",
    ),
    "draw_too_many": (
        "節点が {nodes} 個あり、図にするには多すぎます(上限 {most})。計算の一部を draw に渡すか、"
        ".txt か .dot で保存してください。",
        "{nodes} nodes are too many for a picture (at most {most}). Draw a part of the "
        "computation, or save as .txt or .dot.",
    ),
    "weights_shape": (
        "{op} の weights の形 {weights} が {x} と合いません。",
        "{op}: the weights have shape {weights}, which does not fit {x}.",
    ),
    "not_square": (
        "{op} は正方行列を取ります(形は {shape} でした)。",
        "{op} takes square matrices; the shape is {shape}.",
    ),
}
