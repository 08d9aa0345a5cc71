"""Contact sheets: one row per clip, a few frames from left to right."""

import torch
from PIL import Image, ImageDraw


def contact_sheet(videos, titles, path, frames=6, columns=1):
    """Writes a PNG of videos [B,3,T,H,W] in [-1,1] with a title above every row."""
    count, _, length, height, width = videos.shape
    pick = [round(index * (length - 1) / (frames - 1)) for index in range(frames)]
    cell_width, cell_height = frames * (width + 2) + 8, height + 16
    rows = -(-count // columns)
    sheet = Image.new("RGB", (columns * cell_width, rows * cell_height), (255, 255, 255))
    pen = ImageDraw.Draw(sheet)
    pixels = ((videos.float().clamp(-1, 1) + 1) * 127.5).to(torch.uint8).permute(0, 2, 3, 4, 1).cpu().numpy()
    for number in range(count):
        left, top = (number % columns) * cell_width, (number // columns) * cell_height
        pen.text((left + 2, top + 2), titles[number].encode("ascii", "replace").decode()[:100], fill=(0, 0, 0))
        for place, frame in enumerate(pick):
            sheet.paste(Image.fromarray(pixels[number, frame]), (left + place * (width + 2), top + 14))
    sheet.save(path)
