package wan4j.demo;

import static wan4j.demo.MotionPrompt.word;

import java.util.List;
import java.util.Locale;
import java.util.Random;
import wan4j.demo.MotionCheck.Color;
import wan4j.media.Picture;

/// A simple face, drawn as the demo's training draws it (demo/training/speech.py), and the prompt
/// that says so.
///
/// @param skin one of `SKINS`
/// @param seed of what else tells faces apart: size, place, eyes
public record DrawnFace(Color skin, Hair hair, Ground ground, long seed) {
  /// The skins that the training draws.
  static final List<Color> SKINS =
      List.of(Color.YELLOW, Color.ORANGE, Color.PINK, Color.WHITE, Color.GREEN, Color.CYAN);

  /// The mouth's colour.
  static final Rgb MOUTH = new Rgb(0.45, 0.02, 0.08);

  private static final List<String> CHINESE_SKINS = List.of("黄色", "橙色", "粉色", "白色", "绿色", "青色");
  private static final Rgb EYE = new Rgb(1, 1, 1);
  private static final Rgb PUPIL = new Rgb(0.04, 0.04, 0.06);
  private static final Rgb NOSE = new Rgb(0.35, 0.25, 0.20);
  private static final double OPENING = 0.05; // of the mouth, which is almost shut

  /// Colours of hair.
  public enum Hair {
    /// Black.
    BLACK("黑色", new Rgb(0.06, 0.05, 0.06)),
    /// Brown.
    BROWN("棕色", new Rgb(0.40, 0.24, 0.10)),
    /// Blond.
    BLOND("金色", new Rgb(0.98, 0.84, 0.36)),
    /// Blue.
    BLUE("蓝色", Color.BLUE.rgb()),
    /// Purple.
    PURPLE("紫色", Color.PURPLE.rgb());

    private final String chinese;

    @SuppressWarnings("ImmutableEnumChecker") // of numbers
    private final Rgb rgb;

    Hair(String chinese, Rgb rgb) {
      this.chinese = chinese;
      this.rgb = rgb;
    }
  }

  /// Colours of what is behind.
  public enum Ground {
    /// Black.
    BLACK("黑色", Rgb.BLACK),
    /// Gray.
    GRAY("灰色", new Rgb(0.45, 0.45, 0.47)),
    /// White.
    WHITE("白色", new Rgb(0.94, 0.94, 0.94)),
    /// Brown.
    BROWN("棕色", Rgb.BROWN),
    /// Navy.
    NAVY("深蓝色", Rgb.NAVY);

    private final String chinese;

    @SuppressWarnings("ImmutableEnumChecker") // of numbers
    private final Rgb rgb;

    Ground(String chinese, Rgb rgb) {
      this.chinese = chinese;
      this.rgb = rgb;
    }

    Rgb rgb() {
      return rgb;
    }
  }

  /// Returns face number `i` of a row that has all colours.
  public static DrawnFace number(int i) {
    return new DrawnFace(
        SKINS.get(i % SKINS.size()),
        Hair.values()[i % Hair.values().length],
        Ground.values()[(i + i / Ground.values().length) % Ground.values().length],
        i);
  }

  /// Returns the face that a prompt names, in English or Chinese; what it leaves out is chosen.
  public static DrawnFace named(String prompt) {
    String words = prompt.toLowerCase(Locale.ROOT);
    Color skin = SKINS.getFirst();
    for (int i = 0; i < SKINS.size(); i++) {
      if (names(words, SKINS.get(i), "face") || words.contains(CHINESE_SKINS.get(i) + "的脸")) {
        skin = SKINS.get(i);
      }
    }
    Hair hair = Hair.BROWN;
    for (Hair other : Hair.values()) {
      if (names(words, other, "hair") || words.contains(other.chinese + "头发")) {
        hair = other;
      }
    }
    Ground ground = Ground.BLACK;
    for (Ground other : Ground.values()) {
      if (names(words, other, "background") || words.contains("，" + other.chinese + "背景")) {
        ground = other;
      }
    }
    return new DrawnFace(skin, hair, ground, 0);
  }

  private static boolean names(String words, Enum<?> color, String thing) {
    return words.contains(word(color) + " " + thing);
  }

  /// Returns a prompt of this face talking; those of each sixth seed are Chinese.
  public String prompt() {
    if (seed % 6 == 5) {
      return "一张%s的脸在说话，%s头发，%s背景"
          .formatted(CHINESE_SKINS.get(SKINS.indexOf(skin)), hair.chinese, ground.chinese);
    }
    return "%s %s face with %s hair talks on a %s background"
        .formatted(skin == Color.ORANGE ? "an" : "a", word(skin), word(hair), word(ground));
  }

  /// Draws the face, `side` pixels wide and high, its mouth almost shut.
  public Picture picture(int side) {
    return picture(side, OPENING);
  }

  /// Draws it with its mouth open by a share of what it can.
  Picture picture(int side, double opening) {
    Random random = new Random(seed);
    double big = 0.92 + 0.16 * random.nextDouble();
    double x = 0.5 + 0.04 * (random.nextDouble() - 0.5);
    double y = 0.54 + 0.04 * (random.nextDouble() - 0.5);
    double apart = 0.29 * big * (0.38 + 0.06 * random.nextDouble());
    double eye = 0.055 + 0.02 * random.nextDouble();
    double wide = 0.29 * big;
    double high = 0.36 * big;
    Canvas canvas = new Canvas(side, ground.rgb);
    canvas.fill(hair.rgb, x, y - 0.05, wide * 1.15, high * 1.08, y - 0.05);
    canvas.fill(skin.rgb(), x, y, wide, high);
    canvas.fill(hair.rgb, x, y - high * 0.92, wide * 0.82, high * 0.34);
    for (int at : new int[] {-1, 1}) {
      canvas.fill(EYE, x + at * apart, y - high * 0.16, eye, eye);
      canvas.fill(PUPIL, x + at * apart, y - high * 0.16, eye / 2, eye / 2);
    }
    canvas.fill(NOSE, x, y + high * 0.16, 0.018, 0.028);
    canvas.fill(MOUTH, x, y + high * 0.55, 0.105 * big, 0.012 + 0.085 * opening);
    return canvas.picture();
  }

  /// A square picture on which ellipses are laid; places and lengths are shares of its side.
  private static final class Canvas {
    private final int side;
    private final double[] pixels;

    Canvas(int side, Rgb ground) {
      this.side = side;
      pixels = new double[side * side * 3];
      for (int i = 0; i < pixels.length; i++) {
        pixels[i] = ground.channel(i % 3);
      }
    }

    void fill(Rgb color, double x, double y, double radiusX, double radiusY) {
      fill(color, x, y, radiusX, radiusY, 1);
    }

    /// Fills the part of an ellipse above a row; edges are a pixel wide.
    void fill(Rgb color, double x, double y, double radiusX, double radiusY, double lowest) {
      for (int i = 0; i < side * side; i++) {
        double row = (Math.floorDiv(i, side) + 0.5) / side;
        double dx = ((i % side + 0.5) / side - x) / radiusX;
        double dy = (row - y) / radiusY;
        double distance = Math.hypot(dx, dy);
        double slope = Math.max(1e-3, Math.hypot(dx / radiusX, dy / radiusY));
        double cover = Math.clamp(0.5 - distance * (distance - 1) / slope * side, 0, 1);
        cover *= Math.clamp(0.5 - (row - lowest) * side, 0, 1);
        for (int c = 0; c < 3; c++) {
          pixels[3 * i + c] += (color.channel(c) - pixels[3 * i + c]) * cover;
        }
      }
    }

    Picture picture() {
      byte[] rgb = new byte[pixels.length];
      for (int i = 0; i < rgb.length; i++) {
        rgb[i] = (byte) Math.round(255 * pixels[i]);
      }
      return new Picture(side, side, rgb);
    }
  }
}
