package wan4j.demo;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import wan4j.demo.MotionCheck.Color;
import wan4j.demo.MotionCheck.Direction;
import wan4j.demo.ShapeCheck.Shape;

/// A prompt for the demo's model, and what its video must show.
public record MotionPrompt(String text, Color color, Direction direction, Shape shape) {
  private static final List<Color> COLORS = List.of(Color.values());
  private static final List<Direction> SIDES = List.of(Direction.values());
  private static final List<Shape> SHAPES = List.of(Shape.values());
  private static final List<String> CHINESE_SHAPES = List.of("圆球", "正方形", "三角形", "五角星", "环");
  private static final List<String> CHINESE_COLORS =
      List.of("红色", "橙色", "黄色", "绿色", "青色", "蓝色", "紫色", "粉色", "白色");
  private static final List<String> CHINESE_SIDES = List.of("左", "右", "上", "下");
  private static final List<String> SIZES = List.of("", "small ", "", "large ", "");
  private static final List<String> GROUNDS =
      List.of(
          "",
          " on a black background",
          "",
          " over a striped navy background",
          " on a brown background");

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
    int colorIndex = i % COLORS.size();
    int sideIndex = (i + i / 4) % SIDES.size();
    int shape = (2 * i + i / 9) % SHAPES.size();
    Color color = COLORS.get(colorIndex);
    Direction direction = SIDES.get(sideIndex);
    // white cannot be distinguished from a bright background
    boolean isWhite = color == Color.WHITE;
    if (i % 6 == 5) {
      String chinese =
          "一个%s的%s向%s移动%s"
              .formatted(
                  CHINESE_COLORS.get(colorIndex),
                  CHINESE_SHAPES.get(shape),
                  CHINESE_SIDES.get(sideIndex),
                  isWhite ? "，黑色背景" : "");
      return new MotionPrompt(chinese, color, direction, SHAPES.get(shape));
    }
    String ground = GROUNDS.get(i % GROUNDS.size());
    if (isWhite && ground.isEmpty()) {
      ground = GROUNDS.get(1);
    }
    String thing = SIZES.get(i % SIZES.size()) + color.name().toLowerCase(Locale.ROOT);
    String article = "aeiou".indexOf(thing.charAt(0)) < 0 ? "a" : "an";
    return new MotionPrompt(
        "%s %s %s moves %s%s"
            .formatted(
                article,
                thing,
                SHAPES.get(shape).name().toLowerCase(Locale.ROOT),
                direction.name().toLowerCase(Locale.ROOT),
                ground),
        color,
        direction,
        SHAPES.get(shape));
  }
}
