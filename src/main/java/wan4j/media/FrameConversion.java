package wan4j.media;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.stream.IntStream;
import wan4j.tensor.DType;
import wan4j.tensor.HostStorage;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;

/// Turns pictures and videos of 8 bits, as files hold them, into float32 in [-1, 1], as networks
/// use them.
public final class FrameConversion {
  private static final ValueLayout.OfByte BYTE = ValueLayout.JAVA_BYTE;
  private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;

  private FrameConversion() {}

  /// Returns unsigned bytes `[frames, height, width, 3]` as float32 `[3, frames, height, width]` in
  /// [-1, 1], as torchvision's `to_tensor` and `(x - 0.5) / 0.5` do; throws
  /// `IllegalArgumentException` for another rank or type.
  public static Tensor toFloats(Tensor frames) {
    checkFrames(frames);
    int count = frames.length(0);
    int height = frames.length(1);
    int width = frames.length(2);
    MemorySegment source = frames.segment();
    long plane = (long) count * height * width;
    MemorySegment target = Arena.ofAuto().allocate(Math.max(plane * 12, 1), 64);
    float[] table = new float[256];
    for (int i = 0; i < 256; i++) {
      table[i] = (i / 255f - 0.5f) / 0.5f;
    }
    IntStream.range(0, count * height)
        .parallel()
        .forEach(line -> {
          long first = (long) line * width;
          byte[] row = new byte[width * 3];
          float[] values = new float[width];
          MemorySegment.copy(source, BYTE, first * 3, row, 0, row.length);
          for (int channel = 0; channel < 3; channel++) {
            for (int x = 0; x < width; x++) {
              values[x] = table[row[x * 3 + channel] & 0xFF];
            }
            MemorySegment.copy(values, 0, target, FLOAT, (channel * plane + first) * 4, width);
          }
        });
    return new Tensor(Shape.of(3, count, height, width), DType.F32, new HostStorage(target));
  }

  /// Returns a picture as float32 `[3, height, width]` in [-1, 1].
  public static Tensor toFloats(Picture picture) {
    int height = picture.height();
    int width = picture.width();
    return toFloats(picture.pixels().reshape(1, height, width, 3)).reshape(3, height, width);
  }

  /// Returns room for unsigned byte frames `[frames, height, width, 3]`, outside the Java heap as
  /// long videos exceed an array.
  static Tensor frames(int frames, int height, int width) {
    Shape shape = Shape.of(frames, height, width, 3);
    MemorySegment segment = Arena.ofAuto().allocate(Math.max(shape.count(), 1), 64);
    return new Tensor(shape, DType.U8, new HostStorage(segment));
  }

  /// Throws `IllegalArgumentException` unless the tensor is U8 `[frames, height, width, 3]`.
  static void checkFrames(Tensor frames) {
    if (frames.dtype() != DType.U8 || frames.shape().rank() != 4 || frames.shape().size(3) != 3) {
      throw new IllegalArgumentException(
          "got " + frames + " as frames, expected U8 [frames, height, width, 3]");
    }
  }
}
