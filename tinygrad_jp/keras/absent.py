"""The names of Keras 3 that this package does not have, and what to use in their place.

Each module of the front asks here when a name is missing: one that Keras has raises an error that
says what to use instead; any other is an ordinary AttributeError.
"""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from typing import Any

from ..errors import AbsentNameError, Phrase, text

# what to use instead of a name; the first part of a module's name that fits serves the rest
INSTEAD = {
    "keras.losses.CTC": "keras_instead_loss",
    "keras.optimizers.Lamb": "keras_instead_adamw",
    "keras.optimizers.Adafactor": "keras_instead_adamw",
    "keras.optimizers.Muon": "keras_instead_adamw",
    "keras.optimizers.ScheduleFreeAdamW": "keras_instead_adamw",
    "keras.optimizers.LossScaleOptimizer": "keras_instead_scale",
    "keras.optimizers.MultiOptimizer": "keras_instead_groups",
    "keras.optimizers.OptimizerMap": "keras_instead_groups",
    "keras.optimizers.legacy": "keras_instead_legacy",
    "keras.datasets": "keras_instead_dataset",
    "keras.losses": "keras_instead_loss",
    "keras.metrics": "keras_instead_metric",
    "keras.optimizers": "keras_instead_optimizer",
    "keras.layers.Conv": "keras_instead_image",
    "keras.layers.DepthwiseConv": "keras_instead_image",
    "keras.layers.SeparableConv": "keras_instead_image",
    "keras.layers.AveragePooling": "keras_instead_image",
    "keras.layers.AvgPool": "keras_instead_image",
    "keras.layers.MaxPool": "keras_instead_image",
    "keras.layers.GlobalAveragePooling": "keras_instead_image",
    "keras.layers.GlobalAvgPool": "keras_instead_image",
    "keras.layers.GlobalMaxPool": "keras_instead_image",
    "keras.layers.UpSampling": "keras_instead_image",
    "keras.layers.ZeroPadding": "keras_instead_image",
    "keras.layers.Cropping": "keras_instead_image",
    "keras.layers.SpatialDropout": "keras_instead_image",
    "keras.layers.LSTM": "keras_instead_sequence",
    "keras.layers.GRU": "keras_instead_sequence",
    "keras.layers.RNN": "keras_instead_sequence",
    "keras.layers.SimpleRNN": "keras_instead_sequence",
    "keras.layers.StackedRNN": "keras_instead_sequence",
    "keras.layers.Bidirectional": "keras_instead_sequence",
    "keras.layers.TimeDistributed": "keras_instead_sequence",
    "keras.layers.Masking": "keras_instead_sequence",
    "keras.layers.Attention": "keras_instead_sequence",
    "keras.layers.AdditiveAttention": "keras_instead_sequence",
    "keras.layers.MultiHead": "keras_instead_sequence",
    "keras.layers.GroupQuery": "keras_instead_sequence",
    "keras.layers.Random": "keras_instead_prepare",
    "keras.layers.Resizing": "keras_instead_prepare",
    "keras.layers.CenterCrop": "keras_instead_prepare",
    "keras.layers.TextVectorization": "keras_instead_prepare",
    "keras.layers.StringLookup": "keras_instead_prepare",
    "keras.layers.IntegerLookup": "keras_instead_prepare",
    "keras.layers.CategoryEncoding": "keras_instead_prepare",
    "keras.layers.Discretization": "keras_instead_prepare",
    "keras.layers.Hash": "keras_instead_prepare",
    "keras.layers": "keras_instead_layer",
    "keras.callbacks": "keras_instead_callback",
    "keras.ops": "keras_instead_ops",
    "keras.random": "keras_instead_random",
    "keras.applications": "keras_instead_model",
    "keras.utils.get_file": "keras_instead_fetch",
    "keras.mixed_precision": "keras_instead_float",
    "keras.DTypePolicy": "keras_instead_float",
    "keras.preprocessing.sequence": "keras_instead_numpy",
    "keras.preprocessing": "keras_instead_prepare",
    "keras.": "keras_instead_numpy",
}

KNOWN: dict[str, str] = {
    "keras": (
        "DTypePolicy FloatDTypePolicy Function Initializer Input InputSpec KerasTensor Layer "
        "Loss Metric Model Operation Optimizer Quantizer Regularizer RematScope Sequential "
        "StatelessScope SymbolicScope Variable activations applications backend callbacks "
        "config constraints datasets device distillation distribution dtype_policies export "
        "initializers layers legacy losses metrics mixed_precision models name_scope ops "
        "optimizers preprocessing quantizers random regularizers remat saving tree utils "
        "visualization wrappers"
    ),
    "keras.ops": (
        "abs absolute adaptive_average_pool adaptive_max_pool add all allclose amax amin angle "
        "any append arange arccos arccosh arcsin arcsinh arctan arctan2 arctanh argmax argmin "
        "argpartition argsort array array_split associative_scan average average_pool bartlett "
        "batch_normalization binary_crossentropy bincount bitwise_and bitwise_invert "
        "bitwise_left_shift bitwise_not bitwise_or bitwise_right_shift bitwise_xor blackman "
        "broadcast_to cast categorical_crossentropy cbrt cdist ceil celu cholesky "
        "cholesky_inverse clip concatenate cond conj conjugate conv conv_transpose "
        "convert_to_numpy convert_to_tensor copy corrcoef correlate cos cosh count_nonzero "
        "cross ctc_decode ctc_loss cumprod cumsum custom_gradient deg2rad depth_to_space "
        "depthwise_conv det diag diagflat diagonal diff digitize divide divide_no_nan dot "
        "dot_product_attention dsplit dstack dtype eig eigh einsum elu empty empty_like equal "
        "erf erfc erfinv exp exp2 expand_dims expm1 extract_sequences eye fabs fft fft2 flip "
        "fliplr flipud floor floor_divide fmax fmin fmod fold fori_loop full full_like gcd gelu "
        "geomspace get_item glu greater greater_equal hamming hanning hard_shrink hard_sigmoid "
        "hard_silu hard_swish hard_tanh heaviside histogram hsplit hstack hypot i0 identity "
        "ifft2 imag image in_top_k inner inv irfft is_tensor isclose isfinite isin isinf isnan "
        "isneginf isposinf isreal istft jvp kaiser kron layer_normalization lcm ldexp "
        "leaky_relu left_shift less less_equal linalg linspace log log10 log1p log2 log_sigmoid "
        "log_softmax logaddexp logaddexp2 logdet logical_and logical_not logical_or logical_xor "
        "logspace logsumexp lstsq lu_factor map matmul matrix_rank max max_pool maximum mean "
        "median meshgrid min minimum mod moments moveaxis multi_hot multiply nan_to_num "
        "nanargmax nanargmin nancumprod nancumsum nanmax nanmean nanmedian nanmin nanpercentile "
        "nanprod nanquantile nanstd nansum nanvar ndim negative nextafter nn nonzero norm "
        "normalize not_equal numpy one_hot ones ones_like outer pad percentile pinv polar power "
        "prod psnr ptp qr quantile rad2deg ravel real rearrange reciprocal relu relu6 repeat "
        "reshape rfft right_shift rms_normalization roll rot90 round rsqrt saturate_cast scan "
        "scatter scatter_update searchsorted segment_max segment_min segment_prod segment_sum "
        "select selu separable_conv shape sigmoid sign signbit silu sin sinc sinh size slice "
        "slice_update slogdet soft_shrink softmax softplus softsign solve solve_triangular sort "
        "space_to_depth sparse_categorical_crossentropy sparse_plus sparse_sigmoid sparsemax "
        "split sqrt square squareplus squeeze stack std stft stop_gradient subtract sum svd "
        "swapaxes swish switch take take_along_axis tan tanh tanh_shrink tensordot threshold "
        "tile top_k trace transpose trapezoid tri tril triu true_divide trunc unfold unique "
        "unravel_index unstack vander var vdot vectorize vectorized_map view view_as_complex "
        "view_as_real vsplit vstack where while_loop zeros zeros_like"
    ),
    "keras.random": (
        "SeedGenerator beta binomial categorical dropout gamma normal randint shuffle "
        "truncated_normal uniform"
    ),
    "keras.activations": (
        "celu deserialize elu exponential gelu get glu hard_shrink hard_sigmoid hard_silu "
        "hard_swish hard_tanh leaky_relu linear log_sigmoid log_softmax mish relu relu6 selu "
        "serialize sigmoid silu soft_shrink softmax softplus softsign sparse_plus "
        "sparse_sigmoid sparsemax squareplus swish tanh tanh_shrink threshold"
    ),
    "keras.initializers": (
        "Constant GlorotNormal GlorotUniform HeNormal HeUniform Identity IdentityInitializer "
        "Initializer LecunNormal LecunUniform Ones Orthogonal OrthogonalInitializer "
        "RandomNormal RandomUniform STFT STFTInitializer TruncatedNormal VarianceScaling Zeros "
        "constant deserialize get glorot_normal glorot_uniform he_normal he_uniform identity "
        "lecun_normal lecun_uniform ones orthogonal random_normal random_uniform serialize stft "
        "truncated_normal variance_scaling zeros"
    ),
    "keras.losses": (
        "BinaryCrossentropy BinaryFocalCrossentropy CTC CategoricalCrossentropy "
        "CategoricalFocalCrossentropy CategoricalGeneralizedCrossEntropy CategoricalHinge "
        "Circle CosineSimilarity Dice Hinge Huber KLDivergence LogCosh Loss MeanAbsoluteError "
        "MeanAbsolutePercentageError MeanSquaredError MeanSquaredLogarithmicError Poisson "
        "SparseCategoricalCrossentropy SquaredHinge Tversky binary_crossentropy "
        "binary_focal_crossentropy categorical_crossentropy categorical_focal_crossentropy "
        "categorical_generalized_cross_entropy categorical_hinge circle cosine_similarity ctc "
        "deserialize dice get hinge huber kl_divergence log_cosh mean_absolute_error "
        "mean_absolute_percentage_error mean_squared_error mean_squared_logarithmic_error "
        "poisson serialize sparse_categorical_crossentropy squared_hinge tversky"
    ),
    "keras.metrics": (
        "AUC Accuracy BinaryAccuracy BinaryCrossentropy BinaryIoU CategoricalAccuracy "
        "CategoricalCrossentropy CategoricalHinge ConcordanceCorrelation CosineSimilarity "
        "F1Score FBetaScore FalseNegatives FalsePositives Hinge IoU KLDivergence LogCoshError "
        "Mean MeanAbsoluteError MeanAbsolutePercentageError MeanIoU MeanMetricWrapper "
        "MeanSquaredError MeanSquaredLogarithmicError Metric OneHotIoU OneHotMeanIoU "
        "PearsonCorrelation Poisson Precision PrecisionAtRecall R2Score Recall "
        "RecallAtPrecision RootMeanSquaredError SensitivityAtSpecificity "
        "SparseCategoricalAccuracy SparseCategoricalCrossentropy SparseTopKCategoricalAccuracy "
        "SpecificityAtSensitivity SquaredHinge Sum TopKCategoricalAccuracy TrueNegatives "
        "TruePositives binary_accuracy binary_crossentropy binary_focal_crossentropy "
        "categorical_accuracy categorical_crossentropy categorical_focal_crossentropy "
        "categorical_hinge concordance_correlation deserialize get hinge huber kl_divergence "
        "log_cosh mean_absolute_error mean_absolute_percentage_error mean_squared_error "
        "mean_squared_logarithmic_error pearson_correlation poisson serialize "
        "sparse_categorical_accuracy sparse_categorical_crossentropy "
        "sparse_top_k_categorical_accuracy squared_hinge top_k_categorical_accuracy"
    ),
    "keras.optimizers": (
        "Adadelta Adafactor Adagrad Adam AdamW Adamax Ftrl Lamb Lion LossScaleOptimizer "
        "MultiOptimizer Muon Nadam Optimizer OptimizerMap RMSprop SGD ScheduleFreeAdamW "
        "deserialize get legacy schedules serialize"
    ),
    "keras.optimizers.schedules": (
        "CosineDecay CosineDecayRestarts ExponentialDecay InverseTimeDecay LearningRateSchedule "
        "PiecewiseConstantDecay PolynomialDecay deserialize serialize"
    ),
    "keras.regularizers": (
        "L1 L1L2 L2 OrthogonalRegularizer Regularizer deserialize get l1 l1_l2 l2 "
        "orthogonal_regularizer serialize"
    ),
    "keras.constraints": (
        "Constraint MaxNorm MinMaxNorm NonNeg UnitNorm deserialize get max_norm min_max_norm "
        "non_neg serialize unit_norm"
    ),
    "keras.layers": (
        "Activation ActivityRegularization AdaptiveAveragePooling1D AdaptiveAveragePooling2D "
        "AdaptiveAveragePooling3D AdaptiveMaxPooling1D AdaptiveMaxPooling2D "
        "AdaptiveMaxPooling3D Add AdditiveAttention AlphaDropout Attention AugMix AutoContrast "
        "Average AveragePooling1D AveragePooling2D AveragePooling3D AvgPool1D AvgPool2D "
        "AvgPool3D BatchNormalization Bidirectional CategoryEncoding CenterCrop Concatenate "
        "ContrastLimitedAdaptiveHistogramEqualization Conv1D Conv1DTranspose Conv2D "
        "Conv2DTranspose Conv3D Conv3DTranspose ConvLSTM1D ConvLSTM2D ConvLSTM3D Convolution1D "
        "Convolution1DTranspose Convolution2D Convolution2DTranspose Convolution3D "
        "Convolution3DTranspose Cropping1D Cropping2D Cropping3D CutMix Dense DepthwiseConv1D "
        "DepthwiseConv2D Discretization Dot Dropout ELU EinsumDense Embedding Equalization "
        "Flatten FlaxLayer GRU GRUCell GaussianDropout GaussianNoise GlobalAveragePooling1D "
        "GlobalAveragePooling2D GlobalAveragePooling3D GlobalAvgPool1D GlobalAvgPool2D "
        "GlobalAvgPool3D GlobalMaxPool1D GlobalMaxPool2D GlobalMaxPool3D GlobalMaxPooling1D "
        "GlobalMaxPooling2D GlobalMaxPooling3D GroupNormalization GroupQueryAttention "
        "HashedCrossing Hashing Identity Input InputLayer InputSpec IntegerLookup JaxLayer LSTM "
        "LSTMCell Lambda Layer LayerNormalization LeakyReLU Masking MaxNumBoundingBoxes "
        "MaxPool1D MaxPool2D MaxPool3D MaxPooling1D MaxPooling2D MaxPooling3D Maximum "
        "MelSpectrogram Minimum MixUp MultiHeadAttention Multiply Normalization PReLU Permute "
        "Pipeline RMSNormalization RNN RandAugment RandomBrightness RandomColorDegeneration "
        "RandomColorJitter RandomContrast RandomCrop RandomElasticTransform RandomErasing "
        "RandomFlip RandomGaussianBlur RandomGrayscale RandomHue RandomInvert RandomPerspective "
        "RandomPosterization RandomRotation RandomSaturation RandomSharpness RandomShear "
        "RandomTranslation RandomZoom ReLU RepeatVector Rescaling Reshape Resizing "
        "ReversibleEmbedding STFTSpectrogram SeparableConv1D SeparableConv2D "
        "SeparableConvolution1D SeparableConvolution2D SimpleRNN SimpleRNNCell Softmax "
        "Solarization SpatialDropout1D SpatialDropout2D SpatialDropout3D SpectralNormalization "
        "StackedRNNCells StringLookup Subtract TFSMLayer TextVectorization TimeDistributed "
        "TorchModuleWrapper UnitNormalization UpSampling1D UpSampling2D UpSampling3D Wrapper "
        "ZeroPadding1D ZeroPadding2D ZeroPadding3D add average concatenate deserialize dot "
        "maximum minimum multiply serialize subtract"
    ),
    "keras.callbacks": (
        "BackupAndRestore CSVLogger Callback CallbackList EarlyStopping History LambdaCallback "
        "LearningRateScheduler ModelCheckpoint OrbaxCheckpoint ProgbarLogger ReduceLROnPlateau "
        "RemoteMonitor SwapEMAWeights TensorBoard TerminateOnNaN"
    ),
    "keras.utils": (
        "Config CustomObjectScope FeatureSpace Progbar PyDataset Sequence array_to_img "
        "audio_dataset_from_directory bounding_boxes clear_session custom_object_scope "
        "deserialize_keras_object disable_interactive_logging enable_interactive_logging "
        "get_custom_objects get_file get_registered_name get_registered_object "
        "get_source_inputs image_dataset_from_directory img_to_array "
        "is_interactive_logging_enabled is_keras_tensor legacy load_img model_to_dot normalize "
        "pack_x_y_sample_weight pad_sequences plot_model register_keras_serializable save_img "
        "serialize_keras_object set_random_seed split_dataset standardize_dtype "
        "text_dataset_from_directory timeseries_dataset_from_array to_categorical "
        "unpack_x_y_sample_weight"
    ),
    "keras.datasets": (
        "boston_housing california_housing cifar10 cifar100 fashion_mnist imdb mnist reuters"
    ),
    "keras.preprocessing": (
        "image image_dataset_from_directory sequence text text_dataset_from_directory "
        "timeseries_dataset_from_array"
    ),
    "keras.preprocessing.sequence": (
        "TimeseriesGenerator make_sampling_table pad_sequences skipgrams"
    ),
    "keras.models": (
        "Model Sequential clone_model load_model model_from_json save_model"
    ),
    "keras.saving": (
        "CustomObjectScope KerasFileEditor custom_object_scope deserialize_keras_object "
        "get_custom_objects get_registered_name get_registered_object load_model load_weights "
        "register_keras_serializable save_model save_weights serialize_keras_object"
    ),
    "keras.backend": (
        "backend clear_session epsilon floatx get_uid image_data_format is_float_dtype "
        "is_int_dtype is_keras_tensor result_type set_epsilon set_floatx set_image_data_format "
        "standardize_dtype"
    ),
    "keras.config": (
        "backend disable_flash_attention disable_interactive_logging "
        "disable_traceback_filtering dtype_policy enable_flash_attention "
        "enable_interactive_logging enable_traceback_filtering enable_unsafe_deserialization "
        "epsilon floatx image_data_format is_flash_attention_enabled "
        "is_interactive_logging_enabled is_nnx_enabled is_traceback_filtering_enabled "
        "max_epochs max_steps_per_epoch set_backend set_dtype_policy set_epsilon set_floatx "
        "set_image_data_format set_max_epochs set_max_steps_per_epoch"
    ),
}


# what TensorFlow's own names are here, where `import tensorflow as tf` was changed
TENSORFLOW = {
    "random": "keras.utils.set_random_seed(0)", "GradientTape": "loss.backward(), tj.grad(f)",
    "Variable": "keras.Variable", "constant": "tj.tensor", "function": "tj.compile",
    "concat": "keras.ops.concatenate", "math": "keras.ops", "config": "keras.config",
    "losses": "keras.losses", "optimizers": "keras.optimizers", "metrics": "keras.metrics",
    "distribute": "model.fit", "estimator": "keras.Model", "compat": "keras",
    "set_random_seed": "keras.utils.set_random_seed(0)", "Session": "model(x)",
    "placeholder": "keras.Input", "image": "NumPy", "io": "NumPy", "summary": "keras.callbacks",
}


def of_tensorflow(name: str) -> str | None:
    """Say what a name of TensorFlow's is here; None for one that is not known.

    >>> of_tensorflow("reduce_mean"), of_tensorflow("cast"), of_tensorflow("nonsense")
    ('keras.ops.mean', 'keras.ops.cast', None)
    """
    if name in TENSORFLOW:
        return TENSORFLOW[name]
    found = name.removeprefix("reduce_")
    return f"keras.ops.{found}" if found in KNOWN["keras.ops"].split() else None


def lost(module: str, name: str, instead: str | None) -> AttributeError:
    """Make the AttributeError for a name that a module does not have, with what is used instead."""
    said = f"module {module!r} has no attribute {name!r}"
    if instead is not None:
        said += ". " + text("keras_instead_of", instead=instead)
    return AttributeError(said, name=name)


def error(module: str, name: str) -> Exception:
    """Make the error for a name that a module of the front does not have.

    module: as Keras calls it, "keras.layers".
    """
    known = KNOWN.get(module, "").split()
    full = f"{module}.{name}"
    if name in known:
        key = next(key for start, key in INSTEAD.items() if full.startswith(start))
        return AbsentNameError("keras_absent", name=full, instead=Phrase(key))
    if module == "keras.backend" and name in KNOWN["keras.ops"].split():
        return lost(module, name, f"keras.ops.{name}")  # of Keras 2, as in K.mean
    near = get_close_matches(name, known, 3, 0.7)
    hint = f" (did you mean {', '.join(near)}?)" if near else ""
    return AttributeError(f"module {module!r} has no attribute {name!r}{hint}", name=name)


def refusal(module: str) -> Callable[[str], Any]:
    """Make the `__getattr__` of a module of the front."""

    def __getattr__(name: str) -> Any:  # noqa: N807
        raise error(module, name)

    return __getattr__
