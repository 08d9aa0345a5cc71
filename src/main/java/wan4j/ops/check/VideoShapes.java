package wan4j.ops.check;

import wan4j.ops.Convolution;
import wan4j.ops.Window;
import wan4j.tensor.DType;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;

/// The rules of `Shapes` for the operations of video autoencoders, on channels-last features
/// `[frames, height, width, channels]`.
public final class VideoShapes {
  private static final long ANY = -1;

  private VideoShapes() {}

  /// `[frames, height, width, channels]`.
  public static Shape channelsLast(Tensor x, Tensor factor, Tensor offset) {
    Shapes.typed("channelsLast", "x", x, DType.F32, ANY, ANY, ANY, ANY);
    Shape shape = x.shape();
    Shapes.typed("channelsLast", "factor", factor, DType.F32, shape.size(0));
    Shapes.typed("channelsLast", "offset", offset, DType.F32, shape.size(0));
    return Shape.of(shape.size(1), shape.size(2), shape.size(3), shape.size(0));
  }

  /// `[channels, frames, height, width]`.
  public static Shape channelsFirst(Tensor features, Tensor factor, Tensor offset) {
    Shape shape = features("channelsFirst", features);
    Shapes.typed("channelsFirst", "factor", factor, DType.F32, shape.size(3));
    Shapes.typed("channelsFirst", "offset", offset, DType.F32, shape.size(3));
    return Shape.of(shape.size(3), shape.size(0), shape.size(1), shape.size(2));
  }

  /// The shape of `features`, which have three channels.
  public static Shape pixels(Tensor features) {
    Shapes.value("pixels", "features", features, ANY, ANY, ANY, 3);
    return features.shape();
  }

  /// Nothing; `target` is written.
  public static void channelNorm(Tensor x, Tensor gamma, Tensor target) {
    Shape shape = features("channelNorm", x);
    Shapes.value("channelNorm", "gamma", gamma, shape.size(3));
    Shapes.value("channelNorm", "target", target, shape.toArray());
  }

  /// Nothing; `target`, which has the output's shape, is written.
  public static void convolution(Tensor x, Convolution layer, Window window, Tensor target) {
    Shapes.value("convolution", "x", x, ANY, ANY, ANY, layer.inputs());
    boolean isCovered =
        x.length(0) >= layer.time()
            && x.length(1) + window.top() + window.bottom() >= layer.height()
            && x.length(2) + window.left() + window.right() >= layer.width();
    if (!isCovered) {
      throw new IllegalArgumentException(
          "convolution: x is %s with %s, expected at least the kernel's %d x %d x %d"
              .formatted(x, window, layer.time(), layer.height(), layer.width()));
    }
    Shape shape =
        Shape.of(
            window.frames(x.length(0), layer.time()),
            window.rows(x.length(1), layer.height()),
            window.columns(x.length(2), layer.width()),
            layer.outputs());
    Shapes.value("convolution", "target", target, shape.toArray());
  }

  /// `[frames, 2 height, 2 width, channels]`.
  public static Shape upsample(Tensor x) {
    Shape shape = features("upsample", x);
    return Shape.of(shape.size(0), 2 * shape.size(1), 2 * shape.size(2), shape.size(3));
  }

  /// `[2 frames, height, width, channels]`.
  public static Shape unfoldFrames(Tensor x) {
    Shape shape = features("unfoldFrames", x);
    Shapes.divisible("unfoldFrames", "channels", shape.size(3), 2);
    return Shape.of(2 * shape.size(0), shape.size(1), shape.size(2), shape.size(3) / 2);
  }

  /// `[frames, height, width, channels]`.
  public static Shape frameAttention(Tensor qkv) {
    Shape shape = features("frameAttention", qkv);
    Shapes.divisible("frameAttention", "channels", shape.size(3), 3);
    return shape.with(3, shape.size(3) / 3);
  }

  /// `[frames / time (rounded up), height / space, width / space, channels]`.
  public static Shape averageDown(Tensor x, int time, int space, int channels) {
    Shape shape = features("averageDown", x);
    Shapes.divisible("averageDown", "height", shape.size(1), space);
    Shapes.divisible("averageDown", "width", shape.size(2), space);
    long folded = shape.size(3) * time * space * space;
    Shapes.divisible("averageDown", "channels x neighbours", folded, channels);
    return Shape.of(
        Math.ceilDiv(shape.size(0), (long) time),
        shape.size(1) / space,
        shape.size(2) / space,
        channels);
  }

  /// `[frames time - skip, height space, width space, channels]`.
  public static Shape duplicateUp(Tensor x, int time, int space, int channels, int skip) {
    Shape shape = features("duplicateUp", x);
    long unfolded = (long) channels * time * space * space;
    Shapes.divisible("duplicateUp", "channels x neighbours", unfolded, shape.size(3));
    long frames = shape.size(0) * time;
    if (skip < 0 || skip > frames) {
      throw new IllegalArgumentException(
          "duplicateUp: skip is %d, expected 0 to %d".formatted(skip, frames));
    }
    return Shape.of(frames - skip, shape.size(1) * space, shape.size(2) * space, channels);
  }

  /// `[frames, height / 2, width / 2, 4 channels]`.
  public static Shape foldPixels(Tensor x) {
    Shape shape = features("foldPixels", x);
    Shapes.divisible("foldPixels", "height", shape.size(1), 2);
    Shapes.divisible("foldPixels", "width", shape.size(2), 2);
    return Shape.of(shape.size(0), shape.size(1) / 2, shape.size(2) / 2, 4 * shape.size(3));
  }

  /// `[frames, 2 height, 2 width, channels / 4]`.
  public static Shape unfoldPixels(Tensor x) {
    Shape shape = features("unfoldPixels", x);
    Shapes.divisible("unfoldPixels", "channels", shape.size(3), 4);
    return Shape.of(shape.size(0), 2 * shape.size(1), 2 * shape.size(2), shape.size(3) / 4);
  }

  private static Shape features(String operation, Tensor x) {
    Shapes.value(operation, "features", x, ANY, ANY, ANY, ANY);
    return x.shape();
  }
}
