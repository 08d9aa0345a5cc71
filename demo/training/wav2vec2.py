"""The speech network wav2vec2 with the layout of XLSR checkpoints (huggingface/transformers v4.51.3,
models/wav2vec2/modeling_wav2vec2.py, do_stable_layer_norm), and what Wan2.2 makes of its states
(wan/modules/s2v/audio_encoder.py)."""

import json
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import nn

FOLDER = "wav2vec2-large-xlsr-53-english"
KERNELS, STRIDES = (10, 3, 3, 3, 3, 2, 2), (5, 2, 2, 2, 2, 2, 2)
TAPS, GROUPS = 128, 16
SOUND_RATE, STATES_PER_SECOND, FEATURES_PER_SECOND = 16_000, 50, 30
WORDS = ["<pad>", "<s>", "</s>", "<unk>", "|", "'", "-", *"abcdefghijklmnopqrstuvwxyz"]
CONFIG = {
    "architectures": ["Wav2Vec2ForCTC"], "model_type": "wav2vec2", "vocab_size": len(WORDS), "hidden_act": "gelu",
    "layer_norm_eps": 1e-05, "feat_extract_norm": "layer", "feat_extract_activation": "gelu",
    "conv_stride": list(STRIDES), "conv_kernel": list(KERNELS), "conv_bias": True, "num_conv_pos_embeddings": TAPS,
    "num_conv_pos_embedding_groups": GROUPS, "num_feat_extract_layers": len(KERNELS), "do_stable_layer_norm": True,
    "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}


class Front(nn.Module):
    def __init__(self, inputs, outputs, kernel, stride):
        super().__init__()
        self.conv = nn.Conv1d(inputs, outputs, kernel, stride)
        nn.init.kaiming_normal_(self.conv.weight)
        self.layer_norm = nn.LayerNorm(outputs)

    def forward(self, x):
        return F.gelu(self.layer_norm(self.conv(x).mT)).mT


class PositionConvolution(nn.Module):
    """A grouped convolution whose weight is stored as a direction and a length for each tap."""

    def __init__(self, dim):
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(dim))
        self.weight_v = nn.Parameter(torch.randn(dim, dim // GROUPS, TAPS) * (4 / (TAPS * dim))**0.5)
        self.weight_g = nn.Parameter(self.weight_v.detach().norm(dim=(0, 1), keepdim=True))

    def forward(self, x):
        weight = self.weight_v * (self.weight_g / self.weight_v.norm(dim=(0, 1), keepdim=True))
        return F.conv1d(x, weight, self.bias, padding=TAPS // 2, groups=GROUPS)[:, :, :-1]


class Attention(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.heads = heads
        for name in ("q_proj", "k_proj", "v_proj", "out_proj"):
            setattr(self, name, nn.Linear(dim, dim))

    def forward(self, x):
        q, k, v = (layer(x).unflatten(2, (self.heads, -1)).transpose(1, 2) for layer in (self.q_proj, self.k_proj, self.v_proj))
        return self.out_proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))


class FeedForward(nn.Module):
    def __init__(self, dim, hidden):
        super().__init__()
        self.intermediate_dense = nn.Linear(dim, hidden)
        self.output_dense = nn.Linear(hidden, dim)

    def forward(self, x):
        return self.output_dense(F.gelu(self.intermediate_dense(x)))


class Layer(nn.Module):
    def __init__(self, dim, hidden, heads):
        super().__init__()
        self.layer_norm = nn.LayerNorm(dim)
        self.attention = Attention(dim, heads)
        self.final_layer_norm = nn.LayerNorm(dim)
        self.feed_forward = FeedForward(dim, hidden)

    def forward(self, x):
        x = x + self.attention(self.layer_norm(x))
        return x + self.feed_forward(self.final_layer_norm(x))


class Encoder(nn.Module):
    def __init__(self, dim, hidden, heads, layers):
        super().__init__()
        self.pos_conv_embed = nn.ModuleDict({"conv": PositionConvolution(dim)})
        self.layers = nn.ModuleList([Layer(dim, hidden, heads) for _ in range(layers)])
        self.layer_norm = nn.LayerNorm(dim)

    def forward(self, x):
        x = x + F.gelu(self.pos_conv_embed["conv"](x.mT)).mT
        states = [x]
        for layer in self.layers:
            x = layer(x)
            states.append(x)
        states[-1] = self.layer_norm(x)
        return states


class Wav2Vec2(nn.Module):
    """Samples [B,N] at 16 kHz to hidden states [B,layers+1,T,dim], about 50 a second."""

    def __init__(self, channels, dim, hidden, heads, layers):
        super().__init__()
        self.sizes = {"conv_dim": [channels] * len(KERNELS), "hidden_size": dim, "intermediate_size": hidden,
                      "num_attention_heads": heads, "num_hidden_layers": layers}
        self.feature_extractor = nn.ModuleDict({"conv_layers": nn.ModuleList(
            [Front(1 if number == 0 else channels, channels, *pair) for number, pair in enumerate(zip(KERNELS, STRIDES))])})
        self.feature_projection = nn.ModuleDict({"layer_norm": nn.LayerNorm(channels), "projection": nn.Linear(channels, dim)})
        self.encoder = Encoder(dim, hidden, heads, layers)
        self.register_buffer("masked_spec_embed", torch.zeros(dim))

    def forward(self, samples):
        x = samples - samples.mean(1, keepdim=True)
        x = (x / (x.square().mean(1, keepdim=True) + 1e-7).sqrt())[:, None]
        for layer in self.feature_extractor["conv_layers"]:
            x = layer(x)
        x = self.feature_projection["projection"](self.feature_projection["layer_norm"](x.mT))
        return torch.stack(self.encoder(x), dim=1)


class SpeechRecognizer(nn.Module):
    """The network with the head that names letters."""

    def __init__(self, *sizes):
        super().__init__()
        self.wav2vec2 = Wav2Vec2(*sizes)
        self.lm_head = nn.Linear(sizes[1], len(WORDS))


def heard(states, first, frames, rate=16):
    """What video frames from number `first` on hear of states [B,layers,T,dim]: [B,layers,dim,frames]; zeros after
    the sound's end."""
    count = states.shape[2]
    features = int(count / STATES_PER_SECOND * FEATURES_PER_SECOND)
    scale = (count - 1) / max(1, features - 1)
    out = []
    for frame in range(first, first + frames):
        index = round(frame / rate * FEATURES_PER_SECOND)  # halves to the even one
        if index >= features:
            out.append(torch.zeros_like(states[:, :, 0]))
            continue
        before = int(index * scale)
        weight = index * scale - before
        out.append((1 - weight) * states[:, :, before] + weight * states[:, :, min(before + 1, count - 1)])
    return torch.stack(out, dim=-1)


def save_recognizer(model, root):
    folder = Path(root) / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps({**CONFIG, **model.wav2vec2.sizes}, indent=1) + "\n")
    (folder / "vocab.json").write_text(json.dumps({word: index for index, word in enumerate(WORDS)}) + "\n")
    (folder / "preprocessor_config.json").write_text(json.dumps({
        "do_normalize": True, "feature_extractor_type": "Wav2Vec2FeatureExtractor", "feature_size": 1, "padding_side": "right",
        "padding_value": 0.0, "return_attention_mask": True, "sampling_rate": SOUND_RATE}, indent=1) + "\n")
    save_file({name: value.detach().cpu().float().contiguous() for name, value in model.state_dict().items()},
              folder / "model.safetensors", metadata={"format": "pt"})


def load_recognizer(root):
    folder = Path(root) / FOLDER
    config = json.loads((folder / "config.json").read_text())
    model = SpeechRecognizer(config["conv_dim"][0], config["hidden_size"], config["intermediate_size"],
                             config["num_attention_heads"], config["num_hidden_layers"])
    model.load_state_dict(load_file(folder / "model.safetensors"))
    return model.eval().requires_grad_(False)
