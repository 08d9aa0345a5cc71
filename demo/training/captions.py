"""What the generated clips can show, and sentences in English and Chinese that say so.

A scene is a tuple of small integers, FIELDS in order; captions(scene, random) writes one sentence
about it. Words that the sentence leaves out are free: the model then chooses.
"""

FIELDS = ("objects", "color1", "shape1", "size1", "motion1", "color2", "shape2", "size2", "motion2",
          "pattern", "ground")

COLORS = {  # name: (sRGB of 0..1, English words, Chinese words)
    "red": ((0.90, 0.12, 0.12), ["red"], ["红色", "红"]),
    "orange": ((1.00, 0.52, 0.05), ["orange"], ["橙色", "橘色"]),
    "yellow": ((0.98, 0.90, 0.10), ["yellow"], ["黄色", "黄"]),
    "green": ((0.12, 0.72, 0.20), ["green"], ["绿色", "绿"]),
    "cyan": ((0.10, 0.85, 0.90), ["cyan", "turquoise"], ["青色"]),
    "blue": ((0.12, 0.25, 0.95), ["blue"], ["蓝色", "蓝"]),
    "purple": ((0.55, 0.15, 0.80), ["purple", "violet"], ["紫色", "紫"]),
    "pink": ((1.00, 0.50, 0.75), ["pink"], ["粉色", "粉红色"]),
    "white": ((1.00, 1.00, 1.00), ["white"], ["白色", "白"]),
}
SHAPES = {
    "ball": (["ball", "ball", "circle", "disc"], ["球", "圆球", "小球", "圆"]),
    "square": (["square", "square", "box"], ["方块", "正方形"]),
    "triangle": (["triangle"], ["三角形"]),
    "star": (["star"], ["星星", "五角星", "星形"]),
    "ring": (["ring", "ring", "hoop"], ["圆环", "环"]),
}
SIZES = {"small": (["small", "little", "tiny"], ["小"]), "medium": ([""], [""]),
         "large": (["large", "big", "huge"], ["大"])}
MOTIONS = ("left", "right", "up", "down", "bouncing", "orbiting", "growing", "spinning")
PATTERNS = {
    "plain": ([""], [""]), "striped": (["striped", "stripy"], ["条纹"]),
    "checkered": (["checkered", "chequered"], ["格子", "棋盘格"]),
    "dotted": (["dotted", "polka dot"], ["圆点", "波点"]), "gradient": (["gradient"], ["渐变"]),
}
GROUNDS = {
    "black": ((0.05, 0.05, 0.06), ["black", "dark"], ["黑色"]),
    "gray": ((0.45, 0.45, 0.47), ["gray", "grey"], ["灰色"]),
    "white": ((0.94, 0.94, 0.94), ["white", "bright"], ["白色"]),
    "brown": ((0.34, 0.21, 0.11), ["brown"], ["棕色", "褐色"]),
    "navy": ((0.07, 0.10, 0.30), ["navy", "dark blue"], ["深蓝色"]),
}
GOING = ["moves", "moves", "moves", "is moving", "moving", "goes", "slides", "travels", "flies", "rolls", "runs"]
OPPOSITE = {"left": "right", "right": "left", "up": "down", "down": "up"}
ENGLISH_WAYS = {
    "bouncing": ["bounces", "is bouncing", "bouncing", "bounces up and down", "jumps up and down", "jumps"],
    "orbiting": ["orbits", "is orbiting", "orbiting", "moves in a circle", "moves in circles", "circles around",
                 "flies in a circle"],
    "growing": ["grows", "is growing", "growing", "gets bigger", "becomes larger", "grows bigger"],
    "spinning": ["spins", "is spinning", "spinning", "rotates", "is rotating", "turns around", "spins in place"],
}
CHINESE_GOING = ["移动", "移动", "运动", "滑动", "飞", "走", "滚动"]
CHINESE_SIDE = {"left": "左", "right": "右", "up": "上", "down": "下"}
CHINESE_WAYS = {
    "bouncing": ["弹跳", "上下弹跳", "跳动", "在弹跳"],
    "orbiting": ["绕圈", "转圈运动", "沿圆圈移动", "做圆周运动"],
    "growing": ["变大", "逐渐变大", "慢慢变大", "长大"],
    "spinning": ["旋转", "在旋转", "原地旋转", "自转"],
}
GENERIC = ["high quality", "4k", "cinematic lighting", "smooth motion", "animation", "simple", "colorful",
           "beautiful", "video", "slow motion", "minimal", "flat design", "on the screen", "slowly", "quickly"]
# Prompts that stand for "nothing in particular" in classifier-free guidance. The second is the text the
# reference puts in place of an empty negative prompt (Wan-Video/Wan2.2, wan/configs/shared_config.py).
NEGATIVES = [
    "",
    "色调艳丽，过曝，静态，细节模糊不清，字幕，风格，作品，画作，画面，静止，整体发灰，最差质量，低质量，JPEG压缩残留，"
    "丑陋的，残缺的，多余的手指，画得不好的手部，画得不好的脸部，畸形的，毁容的，形态畸形的肢体，手指融合，静止不动的画面，"
    "杂乱的背景，三条腿，背景人很多，倒着走",
    "blurry, low quality, static, distorted, ugly",
    "worst quality",
]

COLOR_NAMES, SHAPE_NAMES, SIZE_NAMES = tuple(COLORS), tuple(SHAPES), tuple(SIZES)
PATTERN_NAMES, GROUND_NAMES = tuple(PATTERNS), tuple(GROUNDS)
ROUND = (SHAPE_NAMES.index("ball"), SHAPE_NAMES.index("ring"))
LEFT, RIGHT, UP, DOWN, BOUNCING, ORBITING, GROWING, SPINNING = range(8)


def draw_scene(random):
    """A random scene; `random` is a random.Random."""
    pattern = 0 if random.random() < 0.78 else random.randrange(1, len(PATTERN_NAMES))
    ground = random.randrange(len(GROUND_NAMES))
    objects = 1 if random.random() < 0.78 else 2

    def looks(taken):
        while True:
            color = random.randrange(len(COLOR_NAMES))
            pale = COLOR_NAMES[color] == "white" and GROUND_NAMES[ground] in ("white", "gray")
            if not pale and color != taken:
                return color, random.randrange(len(SHAPE_NAMES)), random.choice((0, 1, 1, 2))

    def moves(choices, shape):
        while True:
            motion = random.choice(choices)
            if not (motion == SPINNING and shape in ROUND):
                return motion

    color, shape, size = looks(-1)
    motion = moves([LEFT, LEFT, RIGHT, RIGHT, UP, UP, DOWN, DOWN, BOUNCING, BOUNCING, ORBITING, GROWING, SPINNING], shape)
    if objects == 1:
        return (1, color, shape, size, motion, 0, 0, 0, 0, pattern, ground)
    other, shape2, size2 = looks(color)
    if motion in (LEFT, RIGHT):
        choices = [LEFT, RIGHT, LEFT, RIGHT, SPINNING, GROWING]
    elif motion == ORBITING:
        choices, size, size2 = [SPINNING, GROWING], 0, 0
    else:
        choices = [UP, DOWN, UP, DOWN, BOUNCING, SPINNING, GROWING]
    return (2, color, shape, min(size, 1), motion, other, shape2, min(size2, 1), moves(choices, shape2), pattern, ground)


def english(scene, random):
    """One English sentence about a scene."""
    def thing(color, shape, size):
        words = []
        if random.random() < 0.93:
            words.append(random.choice(COLORS[COLOR_NAMES[color]][1]))
        noun = random.choice(SHAPES[SHAPE_NAMES[shape]][0]) if random.random() < 0.96 else "shape"
        big = random.choice(SIZES[SIZE_NAMES[size]][0]) if random.random() < 0.8 else ""
        words = [word for word in (big, *words, noun) if word]
        article = "an" if words[0][0] in "aeiou" else "a"
        return " ".join(([article] if random.random() < 0.93 else ["the"]) + words)

    def way(motion):
        name = MOTIONS[motion]
        if name not in OPPOSITE:
            return random.choice(ENGLISH_WAYS[name])
        go = random.choice(GOING)
        if name in ("left", "right"):
            kind = random.random()
            if kind < 0.12:
                return f"{go} from {OPPOSITE[name]} to {name}"
            return f"{go} {name}" if kind < 0.6 else f"{go} to the {name}"
        kind = random.random()
        if kind < 0.08:
            return {"up": "rises", "down": "falls"}[name]
        if kind < 0.16:
            return f"{go} {name}ward" + random.choice(["", "s"])
        return f"{go} {name}"

    def part(color, shape, size, motion):
        said = thing(color, shape, size)
        return f"{said} {way(motion)}" if random.random() < 0.96 else said

    text = part(*scene[1:5])
    if scene[0] == 2:
        if scene[4] == ORBITING and random.random() < 0.5:
            text = f"{thing(*scene[1:4])} {random.choice(['orbits', 'circles around', 'orbits around'])} {thing(*scene[5:8])}"
        else:
            text += random.choice([" and ", " while ", ", "]) + part(*scene[5:9])
    pattern, ground = scene[9:]
    if random.random() < (0.45 if pattern == 0 else 0.75):
        words = [random.choice(["a", "the", "a"])]
        if random.random() < 0.85 or pattern == 0:
            words.append(random.choice(GROUNDS[GROUND_NAMES[ground]][1]))
        words += [random.choice(PATTERNS[PATTERN_NAMES[pattern]][0]), "background"]
        text += random.choice([" on ", " over ", " in front of ", " across "]) + " ".join(word for word in words if word)
    if random.random() < 0.12:
        text += ", " + random.choice(GENERIC)
    if random.random() < 0.3:
        text = text[0].upper() + text[1:]
    return text + ("." if random.random() < 0.35 else "")


def chinese(scene, random):
    """One Chinese sentence about a scene."""
    def thing(color, shape, size):
        big = random.choice(SIZES[SIZE_NAMES[size]][1]) if random.random() < 0.8 else ""
        shade = random.choice(COLORS[COLOR_NAMES[color]][2]) if random.random() < 0.93 else ""
        noun = random.choice(SHAPES[SHAPE_NAMES[shape]][1])
        if big and noun == "小球":
            noun = "球"
        if random.random() < 0.5:
            middle = f"{big}{shade}" + ("的" if shade and random.random() < 0.6 else "")
        else:
            middle = shade + ("的" if shade else "") + big
        return random.choice(["一个", "一个", "一个", "一颗", ""]) + middle + noun

    def way(motion):
        name = MOTIONS[motion]
        if name in OPPOSITE:
            side = CHINESE_SIDE[name]
            if random.random() < 0.15:
                return f"从{CHINESE_SIDE[OPPOSITE[name]]}{random.choice(['往', '向', '到'])}{side}{random.choice(CHINESE_GOING)}"
            return random.choice(["向", "向", "往", "朝"]) + side + random.choice(["", "", "边"]) + random.choice(CHINESE_GOING)
        return random.choice(CHINESE_WAYS[name])

    def part(color, shape, size, motion):
        return thing(color, shape, size) + (way(motion) if random.random() < 0.96 else "")

    text = part(*scene[1:5])
    if scene[0] == 2:
        if scene[4] == ORBITING and random.random() < 0.5:
            text = f"{thing(*scene[1:4])}围绕{thing(*scene[5:8])}{random.choice(['旋转', '运动', '转圈'])}"
        else:
            text += random.choice(["，", "和", "，同时"]) + part(*scene[5:9])
    pattern, ground = scene[9:]
    if random.random() < (0.45 if pattern == 0 else 0.75):
        shade = random.choice(GROUNDS[GROUND_NAMES[ground]][2]) if random.random() < 0.85 or pattern == 0 else ""
        motif = random.choice(PATTERNS[PATTERN_NAMES[pattern]][1])
        ground_words = shade + ("的" if shade and motif and random.random() < 0.3 else "") + motif + "背景"
        text = random.choice([f"{text}，{ground_words}", f"{ground_words}上，{text}", f"在{ground_words}上{text}"])
    return text + ("。" if random.random() < 0.4 else "")


def disturb(text, random):
    """Puts a meaningless word somewhere, so that unknown words come to mean nothing."""
    if random.random() < 0.5:
        word = "".join(random.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(random.randrange(2, 9)))
    elif random.random() < 0.5:
        word = "".join(chr(random.randrange(0x4E00, 0x9F00)) for _ in range(random.randrange(1, 4)))
    else:
        word = random.choice(GENERIC)
    words = text.split(" ")
    words.insert(random.randrange(len(words) + 1), word)
    return " ".join(words)


def caption(scene, random):
    """A sentence in either language, rarely with a meaningless word in it."""
    text = english(scene, random) if random.random() < 0.68 else chinese(scene, random)
    return disturb(text, random) if random.random() < 0.06 else text
