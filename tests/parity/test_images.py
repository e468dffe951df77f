"""Layers for images and signals, as functions, beside torch: values and gradients."""

from __future__ import annotations

import numpy as np
import pytest

from tests.parity.beside import arrays, check

A = arrays(11)
IMAGE, SMALL, SIGNAL = A(2, 4, 7, 8), A(2, 4, 5, 6), A(2, 4, 9)
WEIGHT, BIAS = A(6, 4, 3, 3), A(6)
DISTINCT = np.random.default_rng(2).permutation(2 * 4 * 7 * 8).reshape(2, 4, 7, 8) / 50
LINE = np.random.default_rng(3).permutation(2 * 4 * 9).reshape(2, 4, 9) / 9

CONVOLUTIONS = {
    "conv2d": ([IMAGE, WEIGHT, BIAS], lambda t, f, x, w, b: f.conv2d(x, w, b)),
    "conv2d_stride": ([IMAGE, WEIGHT], lambda t, f, x, w: f.conv2d(x, w, None, 2, 1)),
    "conv2d_pairs": ([IMAGE, WEIGHT], lambda t, f, x, w: f.conv2d(x, w, None, (2, 1), (0, 3), (1, 2))),
    "conv2d_same": ([IMAGE, WEIGHT, BIAS], lambda t, f, x, w, b: f.conv2d(x, w, b, padding="same")),
    "conv2d_same_even": ([IMAGE, A(3, 4, 2, 4)], lambda t, f, x, w: f.conv2d(x, w, padding="same", dilation=(1, 2))),
    "conv2d_valid": ([IMAGE, WEIGHT], lambda t, f, x, w: f.conv2d(x, w, padding="valid")),
    "conv2d_groups": ([IMAGE, A(6, 2, 3, 3), BIAS], lambda t, f, x, w, b: f.conv2d(x, w, b, 1, 1, 1, 2)),
    "conv2d_depthwise": ([IMAGE, A(4, 1, 3, 3), A(4)], lambda t, f, x, w, b: f.conv2d(x, w, b, 2, 1, groups=4)),
    "conv2d_depthwise_two": ([IMAGE, A(8, 1, 3, 2)], lambda t, f, x, w: f.conv2d(x, w, groups=4, dilation=2)),
    "conv2d_one": ([IMAGE, A(5, 4, 1, 1)], lambda t, f, x, w: f.conv2d(x, w, stride=2)),
    "conv2d_unbatched": ([A(4, 6, 6), WEIGHT, BIAS], lambda t, f, x, w, b: f.conv2d(x, w, b, padding=1)),
    "conv2d_no_images": ([A(0, 4, 6, 6), WEIGHT, BIAS], lambda t, f, x, w, b: f.conv2d(x, w, b)),
    "conv2d_rows": ([A(20, 4, 9, 8), WEIGHT, BIAS], lambda t, f, x, w, b: f.conv2d(x, w, b, 1, 1)),
    "conv2d_rows_stride": ([A(20, 4, 9, 8), WEIGHT, BIAS], lambda t, f, x, w, b: f.conv2d(x, w, b, (2, 3), (2, 0))),
    "conv2d_rows_deep": ([A(16, 24, 6, 8), A(5, 24, 3, 3)], lambda t, f, x, w: f.conv2d(x, w, None, 1, (1, 0), (1, 2))),
    "conv2d_rows_wide_border": ([A(16, 24, 3, 8), A(5, 24, 3, 3)], lambda t, f, x, w: f.conv2d(x, w, None, 1, 4)),
    "conv1d": ([SIGNAL, A(6, 4, 3), BIAS], lambda t, f, x, w, b: f.conv1d(x, w, b, 2, 1, 2)),
    "conv1d_groups_same": ([SIGNAL, A(4, 2, 3)], lambda t, f, x, w: f.conv1d(x, w, groups=2, padding="same")),
    "conv1d_unbatched": ([A(4, 9), A(6, 4, 3)], lambda t, f, x, w: f.conv1d(x, w)),
    "conv_transpose2d": ([SMALL, A(4, 3, 3, 2), A(3)], lambda t, f, x, w, b: f.conv_transpose2d(x, w, b, 2, 1, 1)),
    "conv_transpose2d_groups": ([SMALL, A(4, 3, 3, 3)], lambda t, f, x, w: f.conv_transpose2d(x, w, None, (1, 2), groups=2, dilation=(2, 1))),
    "conv_transpose2d_plain": ([A(16, 4, 5, 6), A(4, 3, 3, 3), A(3)], lambda t, f, x, w, b: f.conv_transpose2d(x, w, b, padding=1)),
    "conv_transpose2d_unbatched": ([A(4, 3, 3), A(4, 2, 2, 2)], lambda t, f, x, w: f.conv_transpose2d(x, w, stride=2)),
    "conv_transpose1d": ([SIGNAL, A(4, 3, 4), A(3)], lambda t, f, x, w, b: f.conv_transpose1d(x, w, b, 3, 1, 2)),
    "unfold": ([IMAGE], lambda t, f, x: f.unfold(x, (2, 3), dilation=(2, 1), padding=1, stride=(1, 2))),
    "unfold_unbatched": ([A(2, 5, 5)], lambda t, f, x: f.unfold(x, 3)),
    "fold": ([A(2, 12, 20)], lambda t, f, x: f.fold(x, (5, 6), 2)),
    "fold_stride": ([A(2, 12, 8)], lambda t, f, x: f.fold(x, (4, 6), (2, 3), stride=(2, 3), padding=(0, 3), dilation=1)),
}  # fmt: skip

POOLS = {
    "max_pool2d": ([DISTINCT], lambda t, f, x: f.max_pool2d(x, 2)),
    "max_pool2d_all": ([DISTINCT], lambda t, f, x: f.max_pool2d(x, (3, 2), (2, 3), (1, 0), (1, 2), ceil_mode=True)),
    "max_pool2d_ceil": ([DISTINCT], lambda t, f, x: f.max_pool2d(x, 3, 2, ceil_mode=True)),
    "max_pool2d_indices": ([DISTINCT], lambda t, f, x: f.max_pool2d(x, 3, 2, 1, 2, return_indices=True)),
    "max_pool2d_unbatched": ([DISTINCT[0]], lambda t, f, x: f.max_pool2d(x, 2, 1)),
    "max_pool1d": ([LINE], lambda t, f, x: f.max_pool1d(x, 3, 2, 1, ceil_mode=True)),
    "max_pool1d_indices": ([LINE], lambda t, f, x: f.max_pool1d(x, 2, return_indices=True)),
    "max_pool_ties": ([np.zeros((1, 2, 4, 4))], lambda t, f, x: f.max_pool2d(x, 3, 1, 1)),
    "max_unpool2d": ([DISTINCT], lambda t, f, x: f.max_unpool2d(*f.max_pool2d(x, 2, return_indices=True), 2, output_size=(7, 8))),
    "avg_pool2d": ([IMAGE], lambda t, f, x: f.avg_pool2d(x, 2)),
    "avg_pool2d_all": ([IMAGE], lambda t, f, x: f.avg_pool2d(x, (3, 2), 2, (1, 1), True, False)),
    "avg_pool2d_ceil": ([IMAGE], lambda t, f, x: f.avg_pool2d(x, 3, 2, 1, True)),
    "avg_pool2d_divisor": ([IMAGE], lambda t, f, x: f.avg_pool2d(x, 2, 1, divisor_override=3)),
    "avg_pool2d_whole": ([IMAGE], lambda t, f, x: f.avg_pool2d(x, (7, 8))),
    "avg_pool1d": ([SIGNAL], lambda t, f, x: f.avg_pool1d(x, 4, 3, 2, True, False)),
    "adaptive_avg_pool2d": ([IMAGE], lambda t, f, x: f.adaptive_avg_pool2d(x, (3, 5))),
    "adaptive_avg_pool2d_one": ([IMAGE], lambda t, f, x: f.adaptive_avg_pool2d(x, 1)),
    "adaptive_avg_pool2d_none": ([IMAGE], lambda t, f, x: f.adaptive_avg_pool2d(x, (None, 2))),
    "adaptive_avg_pool2d_more": ([A(1, 2, 3, 2)], lambda t, f, x: f.adaptive_avg_pool2d(x, (5, 7))),
    "adaptive_avg_pool1d": ([SIGNAL], lambda t, f, x: f.adaptive_avg_pool1d(x, 4)),
    "adaptive_max_pool2d": ([DISTINCT], lambda t, f, x: f.adaptive_max_pool2d(x, (3, 5), return_indices=True)),
    "adaptive_max_pool2d_more": ([DISTINCT], lambda t, f, x: f.adaptive_max_pool2d(x, (9, 3))),
    "adaptive_max_pool1d": ([LINE], lambda t, f, x: f.adaptive_max_pool1d(x, 4, return_indices=True)),
    "lp_pool2d": ([A(2, 3, 6, 6, low=0.1)], lambda t, f, x: f.lp_pool2d(x, 2, 3, 2)),
    "lp_pool1d": ([A(2, 3, 8, low=0.1)], lambda t, f, x: f.lp_pool1d(x, 3, 2)),
}  # fmt: skip

MEAN, VAR = A(4), A(4, low=0.3, high=2.0)
NORMS = {
    "batch_norm": ([IMAGE, A(4), A(4)], lambda t, f, x, w, b: f.batch_norm(x, None, None, w, b, True)),
    "batch_norm_plain": ([A(5, 4)], lambda t, f, x: f.batch_norm(x, None, None, training=True, eps=1e-3)),
    "batch_norm_signal": ([SIGNAL, A(4)], lambda t, f, x, w: f.batch_norm(x, None, None, w, None, True)),
    "batch_norm_bias_alone": ([SIGNAL, A(4)], lambda t, f, x, b: f.batch_norm(x, None, None, None, b, True)),
    "batch_norm_eval": ([IMAGE, A(4), A(4)], lambda t, f, x, w, b: f.batch_norm(x, t.tensor(MEAN, dtype=x.dtype), t.tensor(VAR, dtype=x.dtype), w, b)),
    "layer_norm": ([IMAGE, A(7, 8), A(7, 8)], lambda t, f, x, w, b: f.layer_norm(x, (7, 8), w, b)),
    "layer_norm_last": ([A(3, 5, 6), A(6)], lambda t, f, x, w: f.layer_norm(x, [6], w)),
    "layer_norm_plain": ([A(3, 6)], lambda t, f, x: f.layer_norm(x, (6,), eps=0.1)),
    "group_norm": ([IMAGE, A(4), A(4)], lambda t, f, x, w, b: f.group_norm(x, 2, w, b)),
    "group_norm_flat": ([A(3, 6), A(6)], lambda t, f, x, w: f.group_norm(x, 3, w, eps=0.1)),
    "instance_norm": ([IMAGE, A(4), A(4)], lambda t, f, x, w, b: f.instance_norm(x, weight=w, bias=b)),
    "instance_norm_signal": ([SIGNAL], lambda t, f, x: f.instance_norm(x)),
    "rms_norm": ([A(3, 5, 6), A(6)], lambda t, f, x, w: f.rms_norm(x, (6,), w)),
    "rms_norm_two": ([A(3, 5, 6)], lambda t, f, x: f.rms_norm(x, (5, 6), eps=0.1)),
    "local_response_norm": ([A(2, 7, 3, 4)], lambda t, f, x: f.local_response_norm(x, 5, 0.2, 0.75, 2.0)),
    "local_response_norm_even": ([A(2, 7, 4)], lambda t, f, x: f.local_response_norm(x, 4, 0.5)),
    "normalize": ([A(4, 5)], lambda t, f, x: f.normalize(x)),
    "normalize_one": ([A(2, 3, 4)], lambda t, f, x: f.normalize(x, 2.0, -1)),
}  # fmt: skip

NUMBERS = np.array([[1, 4, 1], [0, 2, 1]])
OTHERS = {
    "linear": ([A(3, 5), A(4, 5), A(4)], lambda t, f, x, w, b: f.linear(x, w, b)),
    "linear_vector": ([A(5), A(4, 5), A(4)], lambda t, f, x, w, b: f.linear(x, w, b)),
    "linear_deep": ([A(2, 3, 5), A(4, 5)], lambda t, f, x, w: f.linear(x, w)),
    "bilinear": ([A(3, 2), A(3, 4), A(5, 2, 4), A(5)], lambda t, f, a, b, w, c: f.bilinear(a, b, w, c)),
    "bilinear_deep": ([A(2, 3, 2), A(2, 3, 4), A(5, 2, 4)], lambda t, f, a, b, w: f.bilinear(a, b, w)),
    "embedding": ([A(5, 3)], lambda t, f, w: f.embedding(t.tensor(NUMBERS), w)),
    "embedding_padding": ([A(5, 3)], lambda t, f, w: f.embedding(t.tensor(NUMBERS), w, padding_idx=-4)),
    "embedding_freq": ([A(5, 3)], lambda t, f, w: f.embedding(t.tensor(NUMBERS), w, scale_grad_by_freq=True)),
    "embedding_scalar": ([A(5, 3)], lambda t, f, w: f.embedding(t.tensor(2), w)),
    "embedding_bag": ([A(5, 3)], lambda t, f, w: f.embedding_bag(t.tensor(NUMBERS), w)),
    "embedding_bag_offsets": ([A(5, 3)], lambda t, f, w: f.embedding_bag(t.tensor(NUMBERS.ravel()), w, t.tensor([0, 2, 2, 5]), mode="sum")),
    "embedding_bag_weights": ([A(5, 3), A(2, 3)], lambda t, f, w, s: f.embedding_bag(t.tensor(NUMBERS), w, mode="sum", per_sample_weights=s)),
    "embedding_bag_padding": ([A(5, 3)], lambda t, f, w: f.embedding_bag(t.tensor(NUMBERS), w, padding_idx=1)),
    "embedding_bag_last": ([A(5, 3)], lambda t, f, w: f.embedding_bag(t.tensor(NUMBERS.ravel()), w, t.tensor([0, 2, 6]), include_last_offset=True)),
    "pad": ([IMAGE], lambda t, f, x: f.pad(x, (1, 2, 0, 3))),
    "pad_value": ([A(2, 3)], lambda t, f, x: f.pad(x, (1, 2), "constant", 4.5)),
    "pad_negative": ([IMAGE], lambda t, f, x: f.pad(x, (-1, 2, 3, -2, 1, 0))),
    "pad_reflect": ([IMAGE], lambda t, f, x: f.pad(x, (3, 7, 6, 0), mode="reflect")),
    "pad_reflect_signal": ([SIGNAL], lambda t, f, x: f.pad(x, (2, 8), mode="reflect")),
    "pad_replicate": ([IMAGE], lambda t, f, x: f.pad(x, (9, 1, 0, 2), mode="replicate")),
    "pad_circular": ([IMAGE], lambda t, f, x: f.pad(x, (8, 1, 0, 7), mode="circular")),
    "pad_circular_negative": ([SIGNAL], lambda t, f, x: f.pad(x, (-2, 3), mode="circular")),
    "pad_unbatched": ([A(2, 5, 5)], lambda t, f, x: f.pad(x, (1, 2, 3, 4), mode="replicate")),
    "nearest": ([IMAGE], lambda t, f, x: f.interpolate(x, scale_factor=2)),
    "nearest_size": ([IMAGE], lambda t, f, x: f.interpolate(x, (3, 17))),
    "nearest_exact": ([IMAGE], lambda t, f, x: f.interpolate(x, (3, 17), mode="nearest-exact")),
    "nearest_signal": ([SIGNAL], lambda t, f, x: f.interpolate(x, 5)),
    "nearest_fraction": ([IMAGE], lambda t, f, x: f.interpolate(x, scale_factor=(0.6, 1.7))),
    "linear_up": ([SIGNAL], lambda t, f, x: f.interpolate(x, 14, mode="linear")),
    "bilinear_up": ([IMAGE], lambda t, f, x: f.interpolate(x, scale_factor=2, mode="bilinear")),
    "bilinear_corners": ([IMAGE], lambda t, f, x: f.interpolate(x, (5, 11), mode="bilinear", align_corners=True)),
    "bilinear_down": ([IMAGE], lambda t, f, x: f.interpolate(x, scale_factor=0.45, mode="bilinear")),
    "bilinear_recompute": ([IMAGE], lambda t, f, x: f.interpolate(x, scale_factor=1.3, mode="bilinear", recompute_scale_factor=True)),
    "bicubic": ([IMAGE], lambda t, f, x: f.interpolate(x, (11, 5), mode="bicubic")),
    "area": ([IMAGE], lambda t, f, x: f.interpolate(x, (3, 3), mode="area")),
    "pixel_shuffle": ([A(2, 8, 3, 2)], lambda t, f, x: f.pixel_shuffle(x, 2)),
    "pixel_unshuffle": ([A(2, 2, 4, 6)], lambda t, f, x: f.pixel_unshuffle(x, 2)),
    "dropout_eval": ([A(3, 4)], lambda t, f, x: f.dropout(x, 0.5, False) * 1),
    "dropout_all": ([A(3, 4)], lambda t, f, x: f.dropout(x, 1.0, True)),
    "alpha_dropout_all": ([A(3, 4)], lambda t, f, x: f.alpha_dropout(x, 1.0, True)),
}  # fmt: skip
CASES = CONVOLUTIONS | POOLS | NORMS | OTHERS


# torch says once that an even kernel costs it a padded copy
@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", CASES)
def test_values_and_gradients_are_torchs(name, dtype):
    inputs, function = CASES[name]
    check(inputs, function, dtype)


LAYOUTS = [
    "conv2d", "conv2d_rows", "conv2d_depthwise", "conv1d", "conv_transpose2d", "max_pool2d_all", "avg_pool2d_ceil",
    "adaptive_avg_pool2d", "batch_norm", "layer_norm", "group_norm", "pad_reflect", "bilinear_up", "unfold",
    "pixel_shuffle", "local_response_norm",
]  # fmt: skip


@pytest.mark.parametrize("layout", ["strided", "transposed"])
@pytest.mark.parametrize("name", LAYOUTS)
def test_layout_in_memory_does_not_matter(name, layout):
    inputs, function = CASES[name]
    check(inputs, function, "float32", layout)
