"""Every optimizer with every option, by name; the laws go over them too."""

from __future__ import annotations

from typing import Any

OPTIMIZERS: dict[str, tuple[str, dict[str, Any]]] = {
    "sgd": ("SGD", dict(lr=0.1)),
    "sgd-decay": ("SGD", dict(lr=0.1, weight_decay=0.2)),
    "sgd-momentum": ("SGD", dict(lr=0.1, momentum=0.9)),
    "sgd-dampening": ("SGD", dict(lr=0.1, momentum=0.9, dampening=0.3, weight_decay=0.1)),
    "sgd-nesterov": ("SGD", dict(lr=0.1, momentum=0.8, nesterov=True)),
    "sgd-maximize": ("SGD", dict(lr=0.1, momentum=0.8, weight_decay=0.1, maximize=True)),
    "adam": ("Adam", dict(lr=0.01)),
    "adam-betas": ("Adam", dict(lr=0.05, betas=(0.5, 0.9), eps=1e-3)),
    "adam-decay": ("Adam", dict(lr=0.05, weight_decay=0.2)),
    "adam-amsgrad": ("Adam", dict(lr=0.05, amsgrad=True, betas=(0.9, 0.8))),
    "adam-maximize": ("Adam", dict(lr=0.05, maximize=True, amsgrad=True, weight_decay=0.1)),
    "adam-decoupled": ("Adam", dict(lr=0.05, weight_decay=0.2, decoupled_weight_decay=True)),
    "adamw": ("AdamW", dict(lr=0.01)),
    "adamw-decay": ("AdamW", dict(lr=0.05, weight_decay=0.3, amsgrad=True)),
    "adamw-maximize": ("AdamW", dict(lr=0.05, weight_decay=0.3, maximize=True)),
    "rmsprop": ("RMSprop", dict(lr=0.01)),
    "rmsprop-alpha": ("RMSprop", dict(lr=0.02, alpha=0.7, eps=1e-2, weight_decay=0.1)),
    "rmsprop-momentum": ("RMSprop", dict(lr=0.01, momentum=0.9)),
    "rmsprop-centered": ("RMSprop", dict(lr=0.01, centered=True)),
    "rmsprop-all": (
        "RMSprop",
        dict(lr=0.01, centered=True, momentum=0.5, weight_decay=0.1, maximize=True),
    ),
    "adagrad": ("Adagrad", dict(lr=0.1)),
    "adagrad-decay": (
        "Adagrad",
        dict(lr=0.1, lr_decay=0.1, weight_decay=0.1, initial_accumulator_value=0.5, eps=1e-3),
    ),
    "adagrad-maximize": ("Adagrad", dict(lr=0.1, maximize=True)),
    "adadelta": ("Adadelta", dict(lr=1.0)),
    "adadelta-all": ("Adadelta", dict(lr=0.5, rho=0.7, eps=1e-4, weight_decay=0.1, maximize=True)),
    "nadam": ("NAdam", dict(lr=0.01)),
    "nadam-decay": ("NAdam", dict(lr=0.05, momentum_decay=0.1, weight_decay=0.1)),
    "nadam-decoupled": (
        "NAdam",
        dict(lr=0.05, weight_decay=0.2, decoupled_weight_decay=True, maximize=True),
    ),
    "adamax": ("Adamax", dict(lr=0.01)),
    "adamax-all": (
        "Adamax",
        dict(lr=0.05, betas=(0.7, 0.9), eps=1e-3, weight_decay=0.1, maximize=True),
    ),
    "radam": ("RAdam", dict(lr=0.01)),
    "radam-decay": ("RAdam", dict(lr=0.05, betas=(0.8, 0.9), weight_decay=0.1)),
    "radam-decoupled": (
        "RAdam",
        dict(lr=0.05, weight_decay=0.2, decoupled_weight_decay=True, maximize=True),
    ),
}

# Keras's update rules, of optim.keras_formulas
FORMULAS: dict[str, tuple[str, dict[str, Any]]] = {
    "keras-sgd": ("SGD", dict(lr=0.1)),
    "keras-sgd-momentum": ("SGD", dict(lr=0.1, momentum=0.9, weight_decay=0.1)),
    "keras-sgd-nesterov": ("SGD", dict(lr=0.1, momentum=0.8, nesterov=True)),
    "keras-adam": ("Adam", dict(lr=0.01)),
    "keras-adam-all": (
        "Adam", dict(lr=0.05, betas=(0.5, 0.9), eps=1e-3, amsgrad=True, weight_decay=0.2),
    ),
    "keras-adamax": ("Adamax", dict(lr=0.05, weight_decay=0.1)),
    "keras-nadam": ("Nadam", dict(lr=0.05, weight_decay=0.1)),
    "keras-rmsprop": ("RMSprop", dict(lr=0.01)),
    "keras-rmsprop-all": (
        "RMSprop", dict(lr=0.01, centered=True, momentum=0.5, weight_decay=0.1),
    ),
    "keras-adagrad": ("Adagrad", dict(lr=0.1, weight_decay=0.1)),
    "keras-adadelta": ("Adadelta", dict(lr=1.0, weight_decay=0.1)),
    "keras-lion": ("Lion", dict(lr=0.01, weight_decay=0.1)),
    "keras-ftrl": ("Ftrl", dict(lr=0.3)),
    "keras-ftrl-all": (
        "Ftrl",
        dict(lr=0.3, power=-0.7, l1=0.01, l2=0.01, l2_shrinkage=0.01, beta=0.1, weight_decay=0.01),
    ),
}
