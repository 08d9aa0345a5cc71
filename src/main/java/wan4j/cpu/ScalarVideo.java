package wan4j.cpu;

import static wan4j.cpu.Floats.get;
import static wan4j.cpu.Floats.set;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import wan4j.ops.Window;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;

/// Convolution and conversion to bytes as plain loops over channels-last features.
final class ScalarVideo {
  private ScalarVideo() {}

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
    long channels = layer.inputs();
    long inputs = layer.groupInputs();
    long groupOutputs = layer.outputs() / layer.groups();
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
            long pixel = ((frame * window.timeStride() + t) * height + y) * width + z;
            long from = pixel * channels + output / groupOutputs * inputs;
            for (long c = 0; c < inputs; c++) {
              sum += (double) get(values, from + c) * get(weights, weight + c);
            }
          }
        }
      }
      set(target.segment(), place, addend == null ? sum : sum + get(addend.segment(), place));
    }
  }
}
