"""What the contract says a detector answers, computed in float64 by NumPy from its weights."""

import math

import numpy as np
from torch import nn


def contract(detector, features):
    """similarity, is_anomaly, is_valid, contribution as the contract defines them, in float64 NumPy."""
    value = {name: tensor.numpy().astype(np.float64) for name, tensor in detector.state_dict().items()}
    x, n = features.astype(np.float64), features.shape[1]
    finite = np.isfinite(x) & (np.abs(x) <= np.float64(np.float32(3.4e38)))
    with np.errstate(invalid="ignore"):
        u = (np.where(finite, x, value["fill"]) - value["center"]) * value["inverse_scale"]
    u = np.clip(u, -detector.bound, detector.bound)
    reconstructions = [reconstruct(network, f"networks.{i}", value, u) for i, network in enumerate(detector.networks)]
    if detector.memory is not None:
        reconstructions.insert(0, remember(value["memory.prototypes"], value["memory.temperature"], u))
    weights = value["weights"]
    v = np.hstack([copy * weight for copy, weight in zip(reconstructions, weights, strict=True)])
    u = np.hstack([u * weight for weight in weights])
    anchor = np.full((len(x), 1), np.float32(detector.kappa * math.sqrt(n)), np.float64)
    whole_u, whole_v = np.hstack([u, anchor]), np.hstack([v, anchor])
    whole_u /= np.maximum(np.linalg.norm(whole_u, axis=1, keepdims=True), 1e-6)
    whole_v /= np.maximum(np.linalg.norm(whole_v, axis=1, keepdims=True), 1e-6)
    is_valid = np.full(len(x), True) if detector.imputes else finite.all(axis=1)
    similarity = np.where(is_valid, np.clip((whole_u * whole_v).sum(axis=1), -1, 1), -1)
    d = ((whole_u - whole_v) ** 2)[:, :-1].reshape(len(x), len(weights), n).sum(axis=1)
    total = d.sum(axis=1, keepdims=True)
    share = np.where(total > 0, d / np.where(total > 0, total, 1), 0) * (1 - similarity)[:, None]
    return similarity, ~(similarity >= float(detector.threshold)), is_valid, np.where(is_valid[:, None], share, 0)


def reconstruct(network, name, value, v):
    """An autoencoder in evaluation mode."""
    for index, layer in enumerate(network):
        if isinstance(layer, nn.Linear):
            v = v @ value[f"{name}.{index}.weight"].T + value[f"{name}.{index}.bias"]
        elif isinstance(layer, nn.BatchNorm1d):
            mean, variance = value[f"{name}.{index}.running_mean"], value[f"{name}.{index}.running_var"]
            scaled = (v - mean) / np.sqrt(variance + 1e-5)
            v = scaled * value[f"{name}.{index}.weight"] + value[f"{name}.{index}.bias"]
        else:
            v = np.where(v >= 0, v, 0.01 * v)
    return v


def remember(prototypes, temperature, u):
    """Prototypes weighted by softmax(-distance² / temperature), by the distances themselves."""
    distance = ((u[:, None] - prototypes) ** 2).sum(axis=2)
    nearness = np.exp((distance.min(axis=1, keepdims=True) - distance) / temperature)
    return nearness @ prototypes / nearness.sum(axis=1, keepdims=True)
