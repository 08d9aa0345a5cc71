"""The diffusion transformer of character animation: parameter names follow Wan-Video/Wan2.2,
wan/modules/animate/model_animate.py; the blocks are transformer.py's, whose tokens see a picture too."""

import torch
import torch.nn.functional as F
from torch import nn

import clip_vision
from face_networks import FaceBlock, FaceEncoder, MotionEncoder
from transformer import PATCH, Attention, Block, RootMeanSquareNorm, Settings, VideoTransformer, rotary, sinusoid

INTERVAL = 5  # blocks for each of the face adapter's
BESIDE = 20  # channels beside the noise: four of a mask, sixteen of latents


class PictureAttention(Attention):
    """Attention to the picture's tokens, which come first, and to the text; both are summed."""

    def __init__(self, dim, heads):
        super().__init__(dim, heads)
        for name in ("k_img", "v_img"):
            layer = nn.Linear(dim, dim)
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)
            setattr(self, name, layer)
        self.norm_k_img = RootMeanSquareNorm(dim)

    def forward(self, x, context, turn):
        picture, text = context[:, :clip_vision.TOKENS], context[:, clip_vision.TOKENS:]
        q = self._split(self.norm_q(self.q(x)))
        read = F.scaled_dot_product_attention(q, self._split(self.norm_k(self.k(text))), self._split(self.v(text)))
        seen = F.scaled_dot_product_attention(
            q, self._split(self.norm_k_img(self.k_img(picture))), self._split(self.v_img(picture)))
        return self.o((read + seen).transpose(1, 2).flatten(2))

    def _split(self, x):
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)


class PictureBlock(Block):
    def __init__(self, dim, hidden, heads):
        super().__init__(dim, hidden, heads)
        self.cross_attn = PictureAttention(dim, heads)


class PictureProjection(nn.Module):
    """CLIP's tokens to tokens of the transformer's width."""

    def __init__(self, inputs, dim):
        super().__init__()
        self.proj = nn.Sequential(nn.LayerNorm(inputs), nn.Linear(inputs, inputs), nn.GELU(), nn.Linear(inputs, dim),
                                  nn.LayerNorm(dim))

    def forward(self, tokens):
        return self.proj(tokens)


class CharacterTransformer(VideoTransformer):
    """Noisy latents [B,16,1+F,H,W], the first for the picture, times [B], text [B,L,text_dim], CLIP's tokens of the
    picture [B,257,C], mask and latents beside [B,20,1+F,H,W], latents of drawn poses [B,16,F,H,W] and driving faces
    [B,T,3,S,S] in [-1,1] to velocities. `config` has, beside what a VideoTransformer needs, "picture_dim",
    "face_channels", "motion_encoder_dim" and "face_width"."""

    def __init__(self, config):
        super().__init__(config)
        dim, heads, layers = config["dim"], config["num_heads"], config["num_layers"]
        if layers % INTERVAL:
            raise ValueError(f"num_layers is {layers}, expected a multiple of {INTERVAL}")
        self.pose_patch_embedding = nn.Conv3d(config["in_dim"] - BESIDE, dim, PATCH, PATCH)
        self.blocks = nn.ModuleList([PictureBlock(dim, config["ffn_dim"], heads) for _ in range(layers)])
        self.img_emb = PictureProjection(config["picture_dim"], dim)
        self.motion_encoder = MotionEncoder(config["face_channels"], config["motion_encoder_dim"])
        self.face_encoder = FaceEncoder(config["motion_encoder_dim"], config["face_width"], dim)
        self.face_adapter = nn.ModuleDict(
            {"fuser_blocks": nn.ModuleList([FaceBlock(dim, heads) for _ in range(layers // INTERVAL)])})

    @property
    def face_side(self):
        """The height and width of the faces."""
        return 4 << (len(self.config["face_channels"]) - 1)

    @staticmethod
    def _patches(layer, latents):
        """As the convolution, which has no overlap: a projection of 2x2 patches, tokens [B,F,rows*columns,dim]."""
        batch, channels, frames, height, width = latents.shape
        patches = latents.reshape(batch, channels, frames, height // 2, 2, width // 2, 2).permute(0, 2, 3, 5, 1, 4, 6)
        return F.linear(patches.reshape(batch, frames, -1, channels * 4), layer.weight.flatten(1), layer.bias).float()

    def _faces(self, faces):
        """Tokens [B,1+F,5,dim] of latent frames, zeros for the picture's."""
        pictures = faces.flatten(0, 1).contiguous(memory_format=torch.channels_last)
        motion = self.motion_encoder(pictures).unflatten(0, faces.shape[:2])
        return F.pad(self.face_encoder(motion), (0, 0, 0, 0, 1, 0))

    def forward(self, x, t, text, picture, beside, pose, faces):
        batch, _, frames, height, width = x.shape
        grid = (frames, height // 2, width // 2)
        tokens = self._patches(self.patch_embedding, torch.cat([x, beside], dim=1))
        poses = self._patches(self.pose_patch_embedding, pose)
        tokens = (tokens + F.pad(poses, (0, 0, 0, 0, 1, 0))).flatten(1, 2)
        with torch.autocast(x.device.type, enabled=False):
            e = self.time_embedding(sinusoid(self.config["freq_dim"], t))
            e0 = self.time_projection(e).view(batch, 1, 6, -1)
        words = self.text_embedding(F.pad(text, (0, 0, 0, self.config["text_len"] - text.shape[1])))
        context = torch.cat([self.img_emb(picture).to(words.dtype), words], dim=1)
        seen = self._faces(faces)
        cosine, sine = rotary(grid, self.config["dim"] // self.config["num_heads"], x.device)
        step = Settings.compiled_block if self.training and Settings.compiled_block else Block.forward
        for number, block in enumerate(self.blocks):
            tokens = step(block, tokens, e0, cosine, sine, context)
            if number % INTERVAL == 0:
                tokens = tokens + self.face_adapter["fuser_blocks"][number // INTERVAL](tokens, seen).float()
        with torch.autocast(x.device.type, enabled=False):
            out = self.head(tokens, e[:, None])
        out = out.view(batch, *grid, 2, 2, -1).permute(0, 6, 1, 2, 4, 3, 5)
        return out.reshape(batch, -1, frames, height, width)
