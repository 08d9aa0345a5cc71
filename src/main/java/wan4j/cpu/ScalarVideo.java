package wan4j.cpu;

import static wan4j.cpu.Floats.get;
import static wan4j.cpu.Floats.set;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import wan4j.ops.Window;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;

/// The operations of video autoencoders as plain loops over channels-last features.
final class ScalarVideo {
  private ScalarVideo() {}

  /// `[channels, frames, height, width]` to features, each channel scaled and shifted.
  static void channelsLast(Tensor x, Tensor factor, Tensor offset, Tensor target) {
    long channels = x.shape().size(0);
    long pixels = x.count() / Math.max(channels, 1);
    for (long channel = 0; channel < channels; channel++) {
      double scale = get(factor.segment(), channel);
      double shift = get(offset.segment(), channel);
      for (long pixel = 0; pixel < pixels; pixel++) {
        double value = get(x.segment(), channel * pixels + pixel) * scale + shift;
        set(target.segment(), pixel * channels + channel, value);
      }
    }
  }

  /// Features to `[channels, frames, height, width]`, each channel scaled and shifted.
  static void channelsFirst(Tensor features, Tensor factor, Tensor offset, Tensor target) {
    long channels = features.shape().size(3);
    long pixels = features.count() / Math.max(channels, 1);
    for (long channel = 0; channel < channels; channel++) {
      double scale = get(factor.segment(), channel);
      double shift = get(offset.segment(), channel);
      for (long pixel = 0; pixel < pixels; pixel++) {
        double value = get(features.segment(), pixel * channels + channel) * scale + shift;
        set(target.segment(), channel * pixels + pixel, value);
      }
    }
  }

  /// [-1, 1] to bytes, in float32 as the reference does it; NaN becomes 0.
  static void pixels(Tensor features, Tensor target) {
    for (long i = 0; i < features.count(); i++) {
      float clamped = Math.min(Math.max(get(features.segment(), i), -1f), 1f);
      byte value = (byte) (int) ((clamped + 1f) / 2f * 255f);
      target.segment().set(ValueLayout.JAVA_BYTE, i, value);
    }
  }

  /// A convolution; `addend` is null when nothing is added.
  static void convolution(
      Tensor x, CpuConvolution layer, Window window, Tensor addend, Tensor target) {
    Shape out = target.shape();
    long height = x.shape().size(1);
    long width = x.shape().size(2);
    long inputs = layer.inputs();
    MemorySegment values = x.segment();
    MemorySegment weights = layer.weight().segment();
    for (long place = 0; place < target.count(); place++) {
      long output = place % out.size(3);
      long column = place / out.size(3) % out.size(2);
      long row = place / (out.size(3) * out.size(2)) % out.size(1);
      long frame = place / (out.size(3) * out.size(2) * out.size(1));
      double sum = get(layer.bias().segment(), output);
      long weight = output * inputs * layer.time() * layer.height() * layer.width();
      for (int t = 0; t < layer.time(); t++) {
        for (int i = 0; i < layer.height(); i++) {
          for (int j = 0; j < layer.width(); j++, weight += inputs) {
            long y = row * window.spaceStride() + i - window.top();
            long z = column * window.spaceStride() + j - window.left();
            if (y < 0 || y >= height || z < 0 || z >= width) {
              continue; // zero padding
            }
            long from = (((frame * window.timeStride() + t) * height + y) * width + z) * inputs;
            for (long c = 0; c < inputs; c++) {
              sum += (double) get(values, from + c) * get(weights, weight + c);
            }
          }
        }
      }
      set(target.segment(), place, addend == null ? sum : sum + get(addend.segment(), place));
    }
  }

  /// Each pixel 2 x 2 times.
  static void upsample(Tensor x, Tensor target) {
    fill(target, (frame, row, column, channel) -> at(x, frame, row / 2, column / 2, channel));
  }

  /// Two frames out of the two halves of the channels.
  static void unfoldFrames(Tensor x, Tensor target) {
    long half = target.shape().size(3);
    fill(
        target,
        (frame, row, column, channel) -> at(x, frame / 2, row, column, frame % 2 * half + channel));
  }

  /// 2 x 2 pixels into channels: channel, width offset, height offset.
  static void foldPixels(Tensor x, Tensor target) {
    fill(
        target,
        (frame, row, column, channel) ->
            at(x, frame, 2 * row + channel % 2, 2 * column + channel / 2 % 2, channel / 4));
  }

  /// Channels back into 2 x 2 pixels.
  static void unfoldPixels(Tensor x, Tensor target) {
    fill(
        target,
        (frame, row, column, channel) ->
            at(x, frame, row / 2, column / 2, channel * 4 + column % 2 * 2 + row % 2));
  }

  /// Means over groups of neighbours and channels, ordered channel, time, height, width.
  static void averageDown(Tensor x, int time, int space, Tensor target) {
    long missing = target.shape().size(0) * time - x.shape().size(0);
    long neighbours = (long) time * space * space;
    long group = x.shape().size(3) * neighbours / target.shape().size(3);
    fill(
        target,
        (frame, row, column, channel) -> {
          double sum = 0;
          for (long i = channel * group; i < (channel + 1) * group; i++) {
            long t = frame * time + i / ((long) space * space) % time - missing;
            long y = row * space + i / space % space;
            long z = column * space + i % space;
            sum += t < 0 ? 0 : at(x, t, y, z, i / neighbours);
          }
          return sum / group;
        });
  }

  /// Repeated channels spread over neighbours, ordered channel, time, height, width.
  static void duplicateUp(Tensor x, int time, int space, int skip, Tensor target) {
    long neighbours = (long) time * space * space;
    long repeats = target.shape().size(3) * neighbours / x.shape().size(3);
    fill(
        target,
        (frame, row, column, channel) -> {
          long t = frame + skip;
          long offset = (t % time * space + row % space) * space + column % space;
          long source = (channel * neighbours + offset) / repeats;
          return at(x, t / time, row / space, column / space, source);
        });
  }

  /// The value of one place of the result.
  private interface Element {
    double of(long frame, long row, long column, long channel);
  }

  private static double at(Tensor x, long frame, long row, long column, long channel) {
    Shape shape = x.shape();
    long pixel = (frame * shape.size(1) + row) * shape.size(2) + column;
    return get(x.segment(), pixel * shape.size(3) + channel);
  }

  private static void fill(Tensor target, Element element) {
    Shape shape = target.shape();
    MemorySegment out = target.segment();
    long place = 0;
    for (long frame = 0; frame < shape.size(0); frame++) {
      for (long row = 0; row < shape.size(1); row++) {
        for (long column = 0; column < shape.size(2); column++) {
          for (long channel = 0; channel < shape.size(3); channel++) {
            set(out, place++, element.of(frame, row, column, channel));
          }
        }
      }
    }
  }
}
