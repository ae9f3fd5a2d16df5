"""Neural networks, the basics: python examples/seeds/seed_000_health.py

The article 「機械学習(ニューラルネットワーク)基本」, part by part: the perceptron with a step
function, the forward pass in its four steps, why layers without activation add nothing, data
brought to 0..1, and the model "Health" with its two outputs, trained and tested. The model's text
is the article's; what it leaves out is written here: the input size, the layer `z`, the second
output, and the data, which are drawn by the formulas of `people`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from telling import chapter, say

import tinygrad_jp as tj
from tinygrad_jp import keras
from tinygrad_jp.data import MinMaxScaler
from tinygrad_jp.keras import layers

FEATURES = ("height", "weight", "age", "exercise", "smoking")


def step(x: Any) -> Any:
    """Give 1 where x > 0, else 0: the step function; its derivative is 0 wherever it has one."""
    return np.where(x > 0, 1, 0)


def perceptron(x: Any, w: Any, b: float) -> Any:
    """Weigh the inputs, add the bias, step: x (N, 2) → 0 or 1, (N,)."""
    return step(x @ w + b)


def forward(x: Any, w1: Any, b1: Any, w2: Any, b2: Any) -> dict[str, Any]:
    """Go through the network in the article's four steps, and keep what each of them gives."""
    hidden_sum = np.dot(x, w1) + b1  # steps 1 and 2: the inputs, times w, summed at each node
    hidden = tj.sigmoid(hidden_sum)  # the hidden layer's activation
    output_sum = np.dot(hidden, w2) + b2  # step 3: weighed again, for the output layer
    output = tj.sigmoid(output_sum)  # step 4: summed, and through the output's activation
    return {"hidden_sum": hidden_sum, "hidden": hidden, "output_sum": output_sum, "output": output}


def collapse(x: Any) -> float:
    """Compare three linear layers with the one that they amount to; give the largest difference."""
    deep = keras.Sequential([layers.Dense(8), layers.Dense(8), layers.Dense(2)])
    y = deep(x)
    kernel, bias = np.eye(x.shape[1]), np.zeros(x.shape[1])
    for layer in deep.layers:
        w, b = layer.get_weights()
        kernel, bias = kernel @ w, bias @ w + b
    one = keras.Sequential([layers.Dense(2)])
    one.build((None, x.shape[1]))
    one.set_weights([kernel, bias])
    return float(np.abs(y.numpy() - one(x).numpy()).max())


def people(n: int, seed: int = 0) -> tuple[Any, Any, Any]:
    """Draw people who do not exist, by formula; no study stands behind the second one.

    height ~ N(165, 9) cm; weight = (height/100)²·b kg with b ~ N(23, 3.5), at least 15; age 20 to
    79; exercise 0 to 10 hours a week; smoking 0 or 1 (one in four).
    bmi = weight / (height/100)²
    life_expectancy = 84 − 0.06·(bmi − 22)² + 0.5·exercise − 7·smoking + 0.02·age + N(0, 1)
    Gives x (n, 5), bmi (n, 1) and life_expectancy (n, 1), float32.
    """
    rng = np.random.default_rng(seed)
    height = rng.normal(165, 9, n)
    weight = (height / 100) ** 2 * np.maximum(rng.normal(23, 3.5, n), 15)
    age, exercise = rng.integers(20, 80, n), rng.uniform(0, 10, n)
    smoking = rng.random(n) < 0.25
    bmi = weight / (height / 100) ** 2
    life = 84 - 0.06 * (bmi - 22) ** 2 + 0.5 * exercise - 7 * smoking + 0.02 * age
    life += rng.normal(0, 1, n)
    x = np.stack([height, weight, age, exercise, smoking], 1)
    columns = (x, bmi[:, None], life[:, None])
    return columns[0].astype("f4"), columns[1].astype("f4"), columns[2].astype("f4")


def build_model(size: int) -> Any:
    """Build and compile the model of the article; size: features of the input."""
    inputs = keras.Input((size,))
    x = layers.Dense(64, activation='relu')(inputs)
    y = layers.Dense(256, activation='sigmoid')(x)
    y = layers.Dropout(0.2)(y)
    z = layers.Dense(64, activation='relu')(y)  # the article's z, which it does not show
    bmi = layers.Dense(1, name='bmi')(z)
    life_expectancy = layers.Dense(1, name='life_expectancy')(z)
    model = keras.Model(inputs=inputs, outputs=[bmi, life_expectancy], name='Health')
    model.compile(
        optimizer=keras.optimizers.RMSprop(0.001),
        loss_weights=[1., 0.8],
        loss=['mse', 'huber'],
        metrics=['mae', 'mse'])  # as in Keras 3: mae of the first output, mse of the second
    return model


def health(epochs: int = 60) -> dict[str, Any]:
    """Train the model until its loss stagnates, then test it on people it has not seen."""
    x, *targets = people(2000)
    train, test = slice(0, 1600), slice(1600, None)
    scaler = MinMaxScaler().fit(x[train])  # on what is trained on alone
    tj.manual_seed(0)
    model = build_model(len(FEATURES))
    stop = keras.callbacks.EarlyStopping(
        monitor="val_loss", patience=8, min_delta=0.01, restore_best_weights=True
    )
    history = model.fit(
        scaler.transform(x[train]), [t[train] for t in targets], epochs=epochs, batch_size=32,
        validation_split=0.2, callbacks=[stop], verbose=0,
    )
    judged = model.evaluate(
        scaler.transform(x[test]), [t[test] for t in targets], verbose=0, return_dict=True
    )
    bmi, life = model.predict(scaler.transform(x[test]), verbose=0)
    mean_alone = [float(np.mean(np.abs(t[test] - t[train].mean()))) for t in targets]
    predicted = {"bmi": bmi, "life_expectancy": life}
    errors = [float(np.mean(np.abs(p - t[test]))) for p, t in zip((bmi, life), targets)]
    return {"model": model, "history": history.history, "judged": judged, "predicted": predicted,
            "answers": [t[test] for t in targets], "mae": errors, "mean_alone": mean_alone,
            "scaled": scaler.transform(x[train]), "scaled_test": scaler.transform(x[test])}


def descents(steps: int = 200) -> dict[str, int]:
    """Fit y = 2x − 1 by gradient descent and by L-BFGS; give the gradients each of them asks for.

    Stops at a mean squared error of 1e-8. The article: 「準ニュートン法が使えなくなる」. For
    big networks and mini-batches it is not used; for a small problem it needs far fewer steps.
    """
    x = np.linspace(-1, 1, 20)
    asked = {}
    for name in ("gradient descent", "L-BFGS"):
        w = tj.tensor([0.0, 0.0], dtype=tj.float64, requires_grad=True)
        if name == "L-BFGS":
            optimizer: Any = tj.optim.LBFGS([w], max_iter=1, line_search_fn="strong_wolfe")
        else:
            optimizer = tj.optim.SGD([w], lr=0.3)
        count = 0

        def closure(w: tj.Tensor = w, optimizer: Any = optimizer) -> Any:
            nonlocal count
            count += 1
            optimizer.zero_grad()
            loss = ((w[0] * x + w[1] - (2 * x - 1)) ** 2).mean()
            loss.backward()
            return loss

        for _ in range(steps):
            if optimizer.step(closure).item() < 1e-8:
                break
        asked[name] = count
    return asked


def main() -> dict[str, Any]:
    """Run the article from top to bottom; give the figures for the tests."""
    chapter("パーセプトロン(ステップ関数)", "The perceptron (a step function)")
    corners = np.array([[0, 0], [1, 0], [0, 1], [1, 1]])
    gates = {"AND": ([0.5, 0.5], -0.7), "NAND": ([-0.5, -0.5], 0.7), "OR": ([0.5, 0.5], -0.2)}
    outputs = {name: perceptron(corners, np.array(w), b) for name, (w, b) in gates.items()}
    for name, y in outputs.items():
        print(f"  {name:5} {corners.tolist()} → {y.tolist()}")

    chapter("順伝播 Step 1〜4", "The forward pass, steps 1 to 4")
    rng = np.random.default_rng(0)
    w1, b1, w2, b2 = rng.normal(size=(2, 3)), np.zeros(3), rng.normal(size=(3, 1)), np.zeros(1)
    passed = forward(tj.tensor([1.0, 2.0], dtype=tj.float64), w1, b1, w2, b2)
    for name, value in passed.items():
        print(f"  {name:10} {np.round(value.numpy(), 4).tolist()}")

    chapter("活性化関数が線形なら、層を増やす意味がない", "Linear layers collapse into one")
    difference = collapse(rng.normal(size=(50, 4)).astype("f4"))
    say(f"  3 層と 1 層の出力の差は最大 {difference:.1e}",
        f"  three layers and one differ by at most {difference:.1e}")

    chapter("モデル Health", "The model Health")
    result = health()
    result["model"].summary()
    history, judged = result["history"], result["judged"]
    say(f"  {len(history['loss'])} エポックで停滞して停止。損失 {history['loss'][0]:.1f} → "
        f"{history['loss'][-1]:.2f}",
        f"  stopped when it stagnated, after {len(history['loss'])} epochs. loss "
        f"{history['loss'][0]:.1f} → {history['loss'][-1]:.2f}")
    print("  test:", {name: round(value, 3) for name, value in judged.items()})
    for name, error, alone in zip(("bmi", "life_expectancy"), result["mae"], result["mean_alone"]):
        say(f"  {name}: 平均絶対誤差 {error:.2f}(平均を答えるだけなら {alone:.2f})",
            f"  {name}: mean absolute error {error:.2f} (answering the mean: {alone:.2f})")

    chapter("勾配降下法と準ニュートン法", "Gradient descent and a quasi-Newton method")
    asked = descents()
    for name, count in asked.items():
        say(f"  {name}: 勾配を {count} 回", f"  {name}: {count} gradients")
    return {**result, "gates": outputs, "forward": passed, "collapse": difference, "asked": asked}


if __name__ == "__main__":
    main()
