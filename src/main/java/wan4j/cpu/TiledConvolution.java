package wan4j.cpu;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import wan4j.cpu.Gemm.Matrix;
import wan4j.ops.Window;
import wan4j.tensor.Tensor;

/// Convolutions of channels-last features as matrix products: the windows of some output pixels, a
/// few kernel positions at a time, are copied side by side and multiplied by the weights of these
/// positions.
final class TiledConvolution {
  private static final int MOST_PIXELS = 1024;

  private final Gemm gemm;
  private final Tensor x;
  private final CpuConvolution layer;
  private final Window window;
  private final MemorySegment addend;
  private final MemorySegment target;
  private final int outputRows;
  private final int outputColumns;
  private final long pixels;
  private final int tilePixels; // of which sums and one kernel position fit the scratch memory

  private TiledConvolution(
      Gemm gemm, Tensor x, CpuConvolution layer, Window window, Tensor addend, Tensor target) {
    this.gemm = gemm;
    this.x = x;
    this.layer = layer;
    this.window = window;
    this.addend = addend == null ? null : addend.segment();
    this.target = target.segment();
    this.outputRows = target.length(1);
    this.outputColumns = target.length(2);
    this.pixels = (long) target.length(0) * outputRows * outputColumns;
    long pixelBytes = 4L * (layer.inputs() + layer.outputs());
    this.tilePixels = Math.clamp(Workers.SCRATCH / pixelBytes, 1, MOST_PIXELS);
  }

  /// Writes the convolution plus bias and `addend` (null for none; it may be the target).
  static void run(
      Workers workers,
      Gemm gemm,
      Tensor x,
      CpuConvolution layer,
      Window window,
      Tensor addend,
      Tensor target) {
    var convolution = new TiledConvolution(gemm, x, layer, window, addend, target);
    int tiles = Math.toIntExact(Math.ceilDiv(convolution.pixels, (long) convolution.tilePixels));
    workers.run(tiles, convolution::tile);
  }

  private void tile(int task, MemorySegment scratch) {
    long first = (long) task * tilePixels;
    int count = (int) Math.min(tilePixels, pixels - first);
    // the products are summed apart, for the addend may lie where the result goes
    MemorySegment copies = scratch.asSlice((long) tilePixels * layer.outputs() * 4);
    for (int group = 0; group < layer.groups(); group++) {
      multiply(group, first, count, scratch, copies);
    }
    finish(first, count, scratch);
  }

  /// Writes the sums of a group's outputs.
  private void multiply(
      int group, long first, int count, MemorySegment sums, MemorySegment copies) {
    int inputs = layer.groupInputs();
    int outputs = layer.outputs() / layer.groups();
    int positions = layer.time() * layer.height() * layer.width();
    int depth = positions * inputs;
    Matrix target = Matrix.at(sums, (long) group * outputs, layer.outputs());
    long rows = (long) group * outputs * depth;
    int together = (int) Math.max(1, copies.byteSize() / 4 / tilePixels / inputs);
    for (int position = 0; position < positions; position += together) {
      int length = Math.min(together, positions - position);
      long place = rows + (long) position * inputs;
      Matrix weights = Matrix.at(layer.weight().segment(), place, depth);
      Matrix windows = windows(group, first, count, position, length, copies);
      float kept = position == 0 ? 0 : 1;
      gemm.multiply(true, count, outputs, length * inputs, 1, windows, weights, kept, target);
    }
  }

  private Matrix windows(
      int group, long first, int count, int position, int length, MemorySegment copies) {
    int inputs = layer.groupInputs();
    int channels = layer.inputs();
    int height = x.length(1);
    int width = x.length(2);
    MemorySegment in = x.segment();
    boolean isDirect =
        layer.time() * layer.height() * layer.width() == 1
            && window.equals(Window.VALID); // each pixel is its own window
    if (isDirect) {
      return Matrix.at(in, first * channels + (long) group * inputs, channels);
    }
    int row = length * inputs;
    for (int i = 0; i < count; i++) {
      long pixel = first + i;
      int column = (int) (pixel % outputColumns) * window.spaceStride() - window.left();
      int line = (int) (pixel / outputColumns % outputRows) * window.spaceStride() - window.top();
      int frame = (int) (pixel / outputColumns / outputRows) * window.timeStride();
      for (int p = 0; p < length; ) {
        int place = position + p;
        int z = column + place % layer.width();
        int y = line + place / layer.width() % layer.height();
        int t = frame + place / layer.width() / layer.height();
        long to = ((long) i * row + (long) p * inputs) * 4;
        int run = 1;
        if (z < 0 || z >= width || y < 0 || y >= height) {
          copies.asSlice(to, inputs * 4L).fill((byte) 0);
        } else {
          if (inputs == channels) { // the pixels of a kernel's row lie side by side
            int inRow = Math.min(layer.width() - place % layer.width(), width - z);
            run = Math.min(inRow, length - p);
          }
          long from = (((long) t * height + y) * width + z) * channels + (long) group * inputs;
          MemorySegment.copy(in, from * 4, copies, to, (long) run * inputs * 4);
        }
        p += run;
      }
    }
    return new Matrix(copies, row);
  }

  private void finish(long first, int count, MemorySegment sums) {
    int outputs = layer.outputs();
    MemorySegment biases = layer.bias().segment();
    for (int i = 0; i < count; i++) {
      long place = (first + i) * outputs;
      for (int j = 0; j < outputs; j += Vectors.LANES) {
        VectorMask<Float> mask = Vectors.mask(outputs - j);
        FloatVector sum = Vectors.load(sums, (long) i * outputs + j, mask);
        sum = sum.add(Vectors.load(biases, j, mask));
        if (addend != null) {
          sum = sum.add(Vectors.load(addend, place + j, mask));
        }
        Vectors.store(sum, target, place + j, mask);
      }
    }
  }
}
