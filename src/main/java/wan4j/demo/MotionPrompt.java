package wan4j.demo;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import wan4j.demo.MotionCheck.Color;
import wan4j.demo.MotionCheck.Direction;
import wan4j.demo.ShapeCheck.Shape;
import wan4j.media.Picture;

/// A prompt for the demo's models, and what its video must show.
public record MotionPrompt(
    String text, Color color, Direction direction, Shape shape, Size size, Ground ground) {
  private static final List<Color> COLORS = List.of(Color.values());
  private static final List<Direction> SIDES = List.of(Direction.values());
  private static final List<Shape> SHAPES = List.of(Shape.values());
  private static final List<String> CHINESE_SHAPES = List.of("圆球", "正方形", "三角形", "五角星", "环");
  private static final List<String> CHINESE_COLORS =
      List.of("红色", "橙色", "黄色", "绿色", "青色", "蓝色", "紫色", "粉色", "白色");
  private static final List<String> CHINESE_SIDES = List.of("左", "右", "上", "下");
  private static final List<Size> SIZES =
      List.of(Size.MEDIUM, Size.SMALL, Size.MEDIUM, Size.LARGE, Size.MEDIUM);
  private static final List<Ground> GROUNDS =
      List.of(Ground.UNNAMED, Ground.BLACK, Ground.UNNAMED, Ground.STRIPED_NAVY, Ground.BROWN);
  private static final double WAY = 0.5; // of the frame, which the shape moves
  private static final double STRIPES = 3.5; // across the frame
  private static final double BRIGHTER = 0.16; // every other stripe

  /// How large a shape is.
  public enum Size {
    /// The word is small.
    SMALL("small ", 0.11),
    /// There is no word.
    MEDIUM("", 0.16),
    /// The word is large.
    LARGE("large ", 0.22);

    private final String word;
    private final double radius; // of the frame

    Size(String word, double radius) {
      this.word = word;
      this.radius = radius;
    }
  }

  /// What is behind a shape.
  public enum Ground {
    /// Anything; black where it is drawn.
    UNNAMED("", Rgb.BLACK),
    /// Black.
    BLACK(" on a black background", Rgb.BLACK),
    /// Stripes of two kinds of navy.
    STRIPED_NAVY(" over a striped navy background", Rgb.NAVY),
    /// Brown.
    BROWN(" on a brown background", Rgb.BROWN);

    private final String words;

    @SuppressWarnings("ImmutableEnumChecker") // of numbers
    private final Rgb rgb;

    Ground(String words, Rgb rgb) {
      this.words = words;
      this.rgb = rgb;
    }
  }

  /// Returns the first prompts of a list that covers all colours, directions, shapes and sizes,
  /// every sixth in Chinese.
  public static List<MotionPrompt> first(int count) {
    List<MotionPrompt> prompts = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      prompts.add(number(i));
    }
    return prompts;
  }

  private static MotionPrompt number(int i) {
    Color color = COLORS.get(i % COLORS.size());
    Direction direction = SIDES.get((i + i / 4) % SIDES.size());
    Shape shape = SHAPES.get((2 * i + i / 9) % SHAPES.size());
    // white cannot be distinguished from a bright background
    boolean isWhite = color == Color.WHITE;
    if (i % 6 == 5) {
      String chinese =
          "一个%s的%s向%s移动%s"
              .formatted(
                  CHINESE_COLORS.get(COLORS.indexOf(color)),
                  CHINESE_SHAPES.get(SHAPES.indexOf(shape)),
                  CHINESE_SIDES.get(SIDES.indexOf(direction)),
                  isWhite ? "，黑色背景" : "");
      return new MotionPrompt(chinese, color, direction, shape, Size.MEDIUM, Ground.UNNAMED);
    }
    Size size = SIZES.get(i % SIZES.size());
    Ground ground = GROUNDS.get(i % GROUNDS.size());
    if (isWhite && ground == Ground.UNNAMED) {
      ground = Ground.BLACK;
    }
    String thing = size.word + word(color);
    String article = "aeiou".indexOf(thing.charAt(0)) < 0 ? "a" : "an";
    String text =
        "%s %s %s moves %s%s".formatted(article, thing, word(shape), word(direction), ground.words);
    return new MotionPrompt(text, color, direction, shape, size, ground);
  }

  /// Returns the word of a prompt for a colour or a shape.
  static String word(Enum<?> name) {
    return name.name().toLowerCase(Locale.ROOT);
  }

  /// Draws the first frame of such a video, `side` pixels wide and high, as the demo's training
  /// draws it (demo/training/dataset.py): the shape before its way through the middle.
  public Picture firstFrame(int side) {
    double angle = shape == Shape.SQUARE ? Math.PI / 4 : 0; // it stands on a side
    Outline outline = new Outline(shape, size.radius * side, angle, 1);
    double left = side * (0.5 - direction.x() * WAY / 2);
    double top = side * (0.5 - direction.y() * WAY / 2);
    byte[] pixels = new byte[side * side * 3];
    for (int i = 0; i < side * side; i++) {
      double x = i % side + 0.5;
      double y = Math.floorDiv(i, side) + 0.5;
      double stripe = ground == Ground.STRIPED_NAVY ? BRIGHTER * stripe((x + y) / side, side) : 0;
      double cover = Math.clamp(0.5 - outline.outside(x - left, y - top), 0, 1);
      for (int c = 0; c < 3; c++) {
        double behind = ground.rgb.channel(c) + stripe;
        double value = behind + (color.rgb().channel(c) - behind) * cover;
        pixels[3 * i + c] = (byte) Math.round(255 * value);
      }
    }
    return new Picture(side, side, pixels);
  }

  /// Returns how much of a bright stripe there is, 0 to 1, at so many frames' sides across and
  /// down.
  private static double stripe(double across, int side) {
    double turn = across / Math.sqrt(2) * STRIPES;
    double wave = Math.abs(turn - Math.floor(turn) - 0.5) - 0.25;
    return Math.clamp(wave * side / STRIPES + 0.5, 0, 1);
  }
}
