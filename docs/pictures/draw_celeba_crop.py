"""Draws docs/pictures/celeba_crop.png: a drawn portrait in CelebA's size, the crop, and what becomes of it.

python docs/pictures/draw_celeba_crop.py
"""

import io
from pathlib import Path

from PIL import Image, ImageDraw

from infogan.data.celeba import CROP
from infogan.data.picture_files import Preparation, decode_picture

WIDTH, HEIGHT, SCALE = 178, 218, 2


def draw_portrait():
    """A face where CelebA's alignment puts it: the eyes at (69, 112) and (108, 112), the mouth around (89, 152)."""
    portrait = Image.new("RGB", (WIDTH, HEIGHT), (150, 175, 195))
    draw = ImageDraw.Draw(portrait)
    draw.ellipse((35, 55, 143, 190), (80, 50, 30))
    draw.polygon([(40, 218), (60, 185), (118, 185), (138, 218)], (60, 70, 120))
    draw.rectangle((74, 165, 104, 195), (220, 175, 145))
    draw.ellipse((50, 72, 128, 178), (235, 190, 160))
    for x in (69, 108):
        draw.ellipse((x - 8, 107, x + 8, 117), "white")
        draw.ellipse((x - 4, 108, x + 4, 116), (50, 90, 60))
    draw.polygon([(89, 115), (83, 136), (95, 136)], (215, 165, 135))
    draw.arc((72, 135, 106, 160), 20, 160, (170, 60, 60), 4)
    return portrait


def main():
    portrait = draw_portrait()
    file = io.BytesIO()
    portrait.save(file, "PNG")
    small = Image.fromarray(decode_picture(file.getvalue(), Preparation(32, 3, CROP)))
    left, top, right, bottom = (share * size * SCALE for share, size in zip(CROP, (WIDTH, HEIGHT) * 2))
    page = Image.new("RGB", (2 * WIDTH * SCALE + 40, HEIGHT * SCALE), "white")
    page.paste(portrait.resize((WIDTH * SCALE, HEIGHT * SCALE)))
    ImageDraw.Draw(page).rectangle((left, top, right, bottom), outline=(220, 0, 0), width=3)
    enlarged = small.resize((320, 320), Image.Resampling.NEAREST)
    page.paste(enlarged, (WIDTH * SCALE + 56, (HEIGHT * SCALE - 320) // 2))
    page.save(Path(__file__).with_name("celeba_crop.png"))


if __name__ == "__main__":
    main()
