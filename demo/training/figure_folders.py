"""Draws folders of driving videos that `wan4j generate --task animate-14B` takes, and measures what was made of them.
FFmpeg's command has to be on the path.

    python figure_folders.py --out FOLDERS --count 4
    wan4j generate --task animate-14B --ckpt_dir ../checkpoint/animate --frame_num 33 \\
        --src_root_path FOLDERS/animation-0 --save_file FOLDERS/animation-0/made.mp4          # for each animation
    wan4j generate … --replace_flag --use_relighting_lora False                                # for each replacement
    python figure_folders.py --out FOLDERS --count 4 --check --sheet sheet.png
"""

import argparse
import subprocess
from pathlib import Path

import torch
from PIL import Image

from animation import Studio, bytes_of
from dataset import FRAMES, SIZE
from figure_check import measure
from figures import FRAME_RATE
from sheet import contact_sheet

MODES = ("animation", "replacement")
FACE_SIDE, MARGIN, SEED = 32, 9, 7000
MADE = "made.mp4"
FFMPEG = ("ffmpeg", "-v", "error", "-y")


def scene_of(mode, number):
    """The scene of a folder, the same whenever it is drawn."""
    torch.manual_seed(SEED + number)
    replaced = torch.tensor([mode == MODES[1]])
    return Studio("cpu", SIZE, FACE_SIDE).scene(1, FRAMES, replaced=replaced, margins=(MARGIN, MARGIN))


def write_video(path, frames):
    """Writes uint8 frames [T,H,W,3] almost without loss."""
    size = f"{frames.shape[2]}x{frames.shape[1]}"
    subprocess.run([*FFMPEG, "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", size, "-r", str(FRAME_RATE), "-i", "-", "-c:v",
                    "libx264", "-crf", "8", "-pix_fmt", "yuv444p", path], input=frames.numpy().tobytes(), check=True)


def read_video(path):
    """The frames of a video as [1,3,T,H,W] in [-1,1]."""
    done = subprocess.run([*FFMPEG, "-i", path, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"], capture_output=True, check=True)
    frames = torch.frombuffer(bytearray(done.stdout), dtype=torch.uint8).view(-1, SIZE, SIZE, 3)
    return frames.permute(3, 0, 1, 2)[None] / 127.5 - 1


def write_folder(folder, scene):
    folder.mkdir(parents=True, exist_ok=True)
    Image.fromarray(bytes_of(scene.picture)[0].numpy()).save(folder / "src_ref.png")
    write_video(folder / "src_pose.mp4", bytes_of(scene.pose))
    write_video(folder / "src_face.mp4", bytes_of(scene.faces.transpose(1, 2)))
    if scene.replaced.any():
        write_video(folder / "src_bg.mp4", bytes_of(scene.beside(torch.zeros(1, dtype=torch.long))))
        write_video(folder / "src_mask.mp4", bytes_of((scene.mask * 2.0 - 1).expand(-1, 3, -1, -1, -1)))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--count", type=int, default=4, help="folders of each mode")
    parser.add_argument("--check", action="store_true", help=f"measure {MADE} in each folder")
    parser.add_argument("--sheet", type=Path)
    options = parser.parse_args()
    dark = Studio("cpu", SIZE, FACE_SIDE).figures.dark
    rows, titles = [], []
    for mode in MODES:
        found = []
        for number in range(options.count):
            folder, scene = options.out / f"{mode}-{number}", scene_of(mode, number)
            if not options.check:
                write_folder(folder, scene)
                continue
            video = read_video(folder / MADE)
            found.append(measure(video, scene, dark))
            rows += [torch.cat([scene.picture[0], part[0]], dim=1) for part in (scene.pose, video)]
            titles += [f"{folder.name}: picture, poses", "picture, " + str(found[-1]["joint distance, median"])]
        for name in found[0] if found else ():
            print(f"{mode}: {name}: {torch.tensor([each[name] for each in found]).median().item():.4f}")
    if options.sheet and rows:
        contact_sheet(torch.stack(rows), titles, options.sheet, frames=9, columns=2)


if __name__ == "__main__":
    main()
