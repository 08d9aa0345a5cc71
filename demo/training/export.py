"""Writes and reads checkpoints in the layout of the Wan2.2 downloads.

A checkpoint folder holds high_noise_model/ and low_noise_model/ (config.json, an index, one shard),
models_t5_umt5-xxl-enc-bf16.pth, Wan2.1_VAE.pth and google/umt5-xxl/ (tokenizer). The image-to-video
folder links to the text-to-video folder for the last three. A TI2V folder holds its one transformer itself, and
Wan2.2_VAE.pth; an S2V folder its one transformer, an autoencoder of its own and the speech network (wav2vec2.py);
an Animate folder its one transformer, an autoencoder of its own and the image network (clip_vision.py).
"""

import json
import os
from collections import OrderedDict
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from animate_transformer import CharacterTransformer
from clip_vision import CLIP_FILE
from speech_transformer import SpeechTransformer
from text_encoder import TextEncoder
from transformer import VideoTransformer
from vae import VideoAutoencoder
from vae22 import VideoAutoencoder22

TEXT_ENCODER_FILE = "models_t5_umt5-xxl-enc-bf16.pth"
AUTOENCODER_FILE = "Wan2.1_VAE.pth"
AUTOENCODER22_FILE = "Wan2.2_VAE.pth"
TOKENIZER_FOLDER = "google/umt5-xxl"
SHARED = (TEXT_ENCODER_FILE, AUTOENCODER_FILE, "google")
EXPERTS = ("low_noise_model", "high_noise_model")
CONFIG_FIELDS = ("dim", "ffn_dim", "freq_dim", "in_dim", "num_heads", "num_layers", "out_dim", "text_len")


def rounded(state):
    """A state dict as contiguous bfloat16 tensors on the CPU, in the order of the parameters."""
    return OrderedDict((name, value.detach().to("cpu", torch.bfloat16).contiguous().clone())
                       for name, value in state.items())


def save_expert(model, folder, model_type):
    """config.json, index and shard of one transformer."""
    _save(model, folder, {"_class_name": "WanModel", "_diffusers_version": "0.40.0.dev0", "model_type": model_type})


def save_speech_transformer(model, folder):
    """The same for speech to video."""
    fields = {field: model.config[field] for field in ("cond_dim", "audio_dim", "audio_inject_layers")}
    _save(model, folder, {"_class_name": "WanModel_S2V", "_diffusers_version": "0.34.0", "model_type": "s2v", **fields,
                          "num_audio_token": 4, "enable_adain": True, "adain_mode": "attn_norm", "zero_init": True,
                          "zero_timestep": True, "enable_motioner": False, "add_last_motion": True, "enable_tsm": False,
                          "trainable_token_pos_emb": False, "motion_token_num": 1024, "enable_framepack": True,
                          "framepack_drop_mode": "padd"})


def save_character_transformer(model, folder):
    """The same for character animation."""
    _save(model, folder, {"_class_name": "WanAnimateModel", "_diffusers_version": "0.35.0", "use_img_emb": True,
                          "motion_encoder_dim": model.config["motion_encoder_dim"], "patch_size": [1, 2, 2],
                          "qk_norm": True, "cross_attn_norm": True, "window_size": [-1, -1]})


def save_clip(model, root):
    Path(root).mkdir(parents=True, exist_ok=True)
    torch.save(dict(rounded(model.state_dict())), Path(root) / CLIP_FILE)


def _save(model, folder, kind):
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    config = {**kind, "eps": 1e-06, **{field: model.config[field] for field in CONFIG_FIELDS}}
    (folder / "config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")
    state = rounded(model.state_dict())
    shard = "diffusion_pytorch_model-00001-of-00001.safetensors"
    save_file(dict(state), folder / shard, metadata={"format": "pt"})
    size = sum(value.numel() * 2 for value in state.values())
    index = {"metadata": {"total_size": size}, "weight_map": {name: shard for name in sorted(state)}}
    (folder / "diffusion_pytorch_model.safetensors.index.json").write_text(json.dumps(index, indent=2) + "\n")


def save_text_encoder(model, root):
    Path(root).mkdir(parents=True, exist_ok=True)
    torch.save(dict(rounded(model.state_dict())), Path(root) / TEXT_ENCODER_FILE)


def save_autoencoder(model, root):
    Path(root).mkdir(parents=True, exist_ok=True)
    name = AUTOENCODER22_FILE if isinstance(model, VideoAutoencoder22) else AUTOENCODER_FILE
    torch.save(rounded(model.state_dict()), Path(root) / name)


def link_shared(root, other="../t2v", names=SHARED):
    """Makes the shared files of `root` links to those of another checkpoint, by default a neighbouring one."""
    for name in names:
        link = Path(root) / name
        if not link.is_symlink():
            os.symlink(f"{other}/{name}", link)


def load_expert(folder):
    """One transformer in float32; what config.json lacks is taken from the shapes."""
    config, state = _load(folder)
    model = VideoTransformer(config)
    model.load_state_dict(state)
    return model.eval().requires_grad_(False)


def load_speech_transformer(folder):
    """The same for speech to video."""
    config, state = _load(folder)
    config["audio_layers"] = state["casual_audio_encoder.weights"].shape[1]
    model = SpeechTransformer(config)
    model.load_state_dict(state)
    return model.eval().requires_grad_(False)


def load_character_transformer(folder):
    """The same for character animation."""
    config, state = _load(folder)
    config["picture_dim"] = state["img_emb.proj.0.weight"].shape[0]
    config["face_width"] = state["face_encoder.conv2.conv.weight"].shape[1]
    layers = [name for name in state if name.startswith("motion_encoder.enc.net_app.convs.")
              and name.endswith(("convs.0.0.weight", "conv2.1.weight"))]
    config["face_channels"] = [state[name].shape[0] for name in sorted(layers, key=lambda name: int(name.split(".")[4]))]
    model = CharacterTransformer(config)
    model.load_state_dict(state)
    return model.eval().requires_grad_(False)


def _load(folder):
    folder = Path(folder)
    config = json.loads((folder / "config.json").read_text())
    state = {}
    for shard in sorted(folder.glob("*.safetensors")):
        state.update(load_file(shard))
    config["text_dim"] = state["text_embedding.0.weight"].shape[1]
    return config, {name: value.float() for name, value in state.items()}


def load_experts(root):
    """The (low, high) noise experts."""
    return tuple(load_expert(Path(root) / name) for name in EXPERTS)


def load_text_encoder(root):
    state = torch.load(Path(root) / TEXT_ENCODER_FILE, map_location="cpu", weights_only=True)
    vocabulary, dim = state["token_embedding.weight"].shape
    layers = 1 + max(int(name.split(".")[1]) for name in state if name.startswith("blocks."))
    hidden = state["blocks.0.ffn.fc1.weight"].shape[0]
    heads = state["blocks.0.pos_embedding.embedding.weight"].shape[1]
    model = TextEncoder(vocabulary, dim, hidden, heads, layers)
    model.load_state_dict({name: value.float() for name, value in state.items()})
    return model.eval().requires_grad_(False)


def load_autoencoder(root):
    state = torch.load(Path(root) / AUTOENCODER_FILE, map_location="cpu", weights_only=True)
    model = VideoAutoencoder(state["encoder.conv1.weight"].shape[0])
    model.load_state_dict({name: value.float() for name, value in state.items()})
    return model.eval().requires_grad_(False)


def load_autoencoder22(root):
    state = torch.load(Path(root) / AUTOENCODER22_FILE, map_location="cpu", weights_only=True)
    model = VideoAutoencoder22(state["encoder.conv1.weight"].shape[0], state["decoder.head.2.weight"].shape[1])
    model.load_state_dict({name: value.float() for name, value in state.items()})
    return model.eval().requires_grad_(False)
