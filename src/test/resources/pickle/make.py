"""Writes the PyTorch files of this folder; run with PyTorch 2.13."""
import collections

import torch

COUNT = torch.arange(24).reshape(4, 6)


def main():
    names = ["float32", "float64", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8"]
    types = {name: COUNT.to(getattr(torch, name)) for name in names}
    types["bool"] = COUNT % 3 == 0
    torch.save(types, "types.pth")
    float8 = ["float8_e4m3fn", "float8_e5m2"]
    torch.save({name: COUNT.float().to(getattr(torch, name)) for name in float8}, "float8.pth")
    torch.save(strided(), "strided.pth")
    for protocol in range(2, 6):
        torch.save(training_state(), f"protocol{protocol}.pth", pickle_protocol=protocol)
    torch.save({"a": torch.arange(3.0)}, "legacy.pth", _use_new_zipfile_serialization=False)


def strided():
    flat = torch.arange(60, dtype=torch.float32)
    box = flat.reshape(3, 4, 5)
    state = collections.OrderedDict()
    state["whole"] = box
    state["transposed"] = box.transpose(0, 2)
    state["permuted"] = box.permute(1, 2, 0)
    state["slice"] = box[1:, 1:3, 2:4]
    state["step"] = flat[1::7]
    state["column"] = box[:, :, 3]
    state["expanded"] = flat[5:6].expand(2, 3)
    state["scalar"] = torch.tensor(2.5)
    state["empty"] = torch.empty(0, 4)
    state["parameter"] = torch.nn.Parameter(box[0].t())
    half = torch.arange(48, dtype=torch.float16).reshape(2, 3, 2, 4)
    state["channels_last"] = half.to(memory_format=torch.channels_last)
    state._metadata = collections.OrderedDict({"": {"version": 1}})
    return state


def training_state():
    network = {
        "a.weight": torch.arange(6, dtype=torch.bfloat16).reshape(2, 3),
        "a.bias": torch.nn.Parameter(torch.arange(2.0)),
    }
    flags = [True, None, (1, 2, 3, 4), -5, 2**40]
    return {"state_dict": network, "epoch": 7, "lr": 1e-3, "name": "t\u00e9", "flags": flags, "big": -(2**70)}


main()
