package wan4j.media;

import java.util.List;
import java.util.stream.IntStream;
import wan4j.tensor.DType;
import wan4j.tensor.Tensor;

/// Changes the size of float32 pictures as PyTorch's `F.interpolate` does.
public final class Interpolation {
  // PyTorch's cubic is sharper than the -0.5 of Pillow.
  private static final float A = -0.75f;

  private Interpolation() {}

  /// Returns `picture [channels, height, width]` at another size, as `F.interpolate(mode="bicubic",
  /// align_corners=False)` does: no antialiasing, no clamping, the border repeated; throws
  /// `IllegalArgumentException` for another rank or type or a size below 1.
  public static Tensor bicubic(Tensor picture, int height, int width) {
    if (picture.dtype() != DType.F32
        || picture.shape().rank() != 3
        || picture.count() == 0
        || height < 1
        || width < 1) {
      throw new IllegalArgumentException(
          "got %s to interpolate to %dx%d, expected F32 [channels, height, width] and sides of at least 1"
              .formatted(picture, width, height));
    }
    int channels = picture.length(0);
    int rows = picture.length(1);
    int columns = picture.length(2);
    float[] values = picture.toFloats();
    float[] resized = new float[Math.multiplyExact(channels * height, width)];
    Taps across = new Taps(columns, width);
    Taps down = new Taps(rows, height);
    boolean[] isUsed = new boolean[rows];
    for (int row : down.index) {
      isUsed[row] = true;
    }
    float[][] widened = new float[channels * rows][];
    IntStream.range(0, channels * rows)
        .parallel()
        .filter(line -> isUsed[line % rows])
        .forEach(line -> widened[line] = across(values, line * columns, across, width));
    IntStream.range(0, channels * height)
        .parallel()
        .forEach(line -> {
          int plane = line / height * rows;
          for (int j = line % height * 4; j < line % height * 4 + 4; j++) {
            add(widened[plane + down.index[j]], down.weight[j], resized, line * width);
          }
        });
    return Tensor.of(resized, channels, height, width);
  }

  /// Returns pictures in [-1, 1] for networks, float32 `[3, pictures, height, width]`: each resized
  /// so that its shorter side is the target's, linear between neighbours and antialiased, and its
  /// middle cut out, grey filling up a side that is too short, as torchvision's `Resize` and
  /// `CenterCrop` do with tensors.
  public static Tensor shorterSideAndCrop(List<Picture> pictures, Sizing.Size target) {
    int plane = Math.multiplyExact(target.height(), target.width());
    int count = pictures.size();
    float[] all = new float[Math.multiplyExact(3 * count, plane)];
    IntStream.range(0, count)
        .parallel()
        .forEach(i -> {
          float[] cut = cut(pictures.get(i), target);
          for (int channel = 0; channel < 3; channel++) {
            System.arraycopy(cut, channel * plane, all, (channel * count + i) * plane, plane);
          }
        });
    return Tensor.of(all, 3, count, target.height(), target.width());
  }

  private static float[] cut(Picture picture, Sizing.Size target) {
    Sizing.Size size =
        Sizing.withShorterSide(
            new Sizing.Size(picture.width(), picture.height()),
            Math.min(target.width(), target.height()));
    Triangles across = new Triangles(picture.width(), size.width());
    Triangles down = new Triangles(picture.height(), size.height());
    Sizing.Offsets columns = Sizing.Offsets.of(size.width(), target.width());
    Sizing.Offsets rows = Sizing.Offsets.of(size.height(), target.height());
    float[] cut = new float[3 * target.height() * target.width()];
    float[] line = new float[picture.width()];
    byte[] rgb = picture.rgb();
    for (int channel = 0; channel < 3; channel++) {
      float[][] widened = new float[picture.height()][];
      for (int y = 0; y < picture.height(); y++) {
        for (int x = 0; x < line.length; x++) {
          line[x] = (rgb[(y * line.length + x) * 3 + channel] & 0xFF) / 127.5f - 1;
        }
        widened[y] = across.of(line, columns);
      }
      for (int y = 0; y < rows.count(); y++) {
        int to = (channel * target.height() + rows.to() + y) * target.width() + columns.to();
        float[] weights = down.values[rows.from() + y];
        for (int k = 0; k < weights.length; k++) {
          add(widened[down.first[rows.from() + y] + k], weights[k], cut, to);
        }
      }
    }
    return cut;
  }

  /// Returns a row of `values` at another width.
  private static float[] across(float[] values, int first, Taps taps, int width) {
    float[] row = new float[width];
    for (int x = 0; x < width; x++) {
      float sum = 0;
      for (int i = x * 4; i < x * 4 + 4; i++) {
        sum += values[first + taps.index[i]] * taps.weight[i];
      }
      row[x] = sum;
    }
    return row;
  }

  private static void add(float[] row, float weight, float[] target, int first) {
    for (int x = 0; x < row.length; x++) {
      target[first + x] += row[x] * weight;
    }
  }

  /// The four inputs of each output along one axis, and their weights.
  private static final class Taps {
    final int[] index;
    final float[] weight;

    Taps(int inputs, int outputs) {
      index = new int[outputs * 4];
      weight = new float[outputs * 4];
      float scale = (float) inputs / outputs;
      for (int i = 0; i < outputs; i++) {
        float source = scale * (i + 0.5f) - 0.5f;
        int floor = (int) Math.floor(source);
        float t = source - floor;
        float[] four = {outer(t + 1), inner(t), inner(1 - t), outer(2 - t)};
        for (int k = 0; k < 4; k++) {
          index[i * 4 + k] = Math.clamp(floor - 1 + k, 0, inputs - 1);
          weight[i * 4 + k] = four[k];
        }
      }
    }
  }

  private static float inner(float x) {
    return ((A + 2) * x - (A + 3)) * x * x + 1;
  }

  private static float outer(float x) {
    return ((A * x - 5 * A) * x + 8 * A) * x - 4 * A;
  }

  /// The inputs `first[i] ...` of every output `i` along one axis under a triangle that is as wide
  /// as what an output covers, and their weights (pytorch v2.7.0,
  /// aten/src/ATen/native/cpu/UpSampleKernel.cpp, `HelperInterpBase`).
  private static final class Triangles {
    final int[] first;
    final float[][] values;

    Triangles(int inputs, int outputs) {
      first = new int[outputs];
      values = new float[outputs][];
      float scale = (float) inputs / outputs;
      float reach = Math.max(scale, 1);
      for (int i = 0; i < outputs; i++) {
        float centre = scale * (i + 0.5f);
        first[i] = Math.max(0, (int) (centre - reach + 0.5f));
        int count = Math.min(inputs, (int) (centre + reach + 0.5f)) - first[i];
        values[i] = new float[count];
        float sum = 0;
        for (int k = 0; k < count; k++) {
          float distance = Math.abs((k + first[i] - centre + 0.5f) / reach);
          values[i][k] = Math.max(0, 1 - distance);
          sum += values[i][k];
        }
        for (int k = 0; k < count; k++) {
          values[i][k] /= sum;
        }
      }
    }

    /// Returns what is cut out of a line at its new length.
    float[] of(float[] line, Sizing.Offsets cut) {
      float[] result = new float[cut.count()];
      for (int x = 0; x < result.length; x++) {
        float sum = 0;
        float[] weights = values[cut.from() + x];
        for (int k = 0; k < weights.length; k++) {
          sum += line[first[cut.from() + x] + k] * weights[k];
        }
        result[x] = sum;
      }
      return result;
    }
  }
}
