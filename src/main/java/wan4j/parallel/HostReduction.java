package wan4j.parallel;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.stream.IntStream;
import wan4j.ops.SequenceGroup;
import wan4j.tensor.DType;
import wan4j.tensor.HostStorage;
import wan4j.tensor.Tensor;

/// The tensors of all ranks, in host memory, become one.
final class HostReduction {
  private HostReduction() {}

  /// Reduces float32 or float64 tensors of one shape in the order of ranks.
  static Tensor of(SequenceGroup.Reduction reduction, List<Tensor> tensors) {
    double[] all = numbers(tensors.getFirst());
    for (Tensor other : tensors.subList(1, tensors.size())) {
      double[] own = numbers(other);
      for (int i = 0; i < all.length; i++) {
        all[i] =
            switch (reduction) {
              case SUM -> all[i] + own[i];
              case MAXIMUM -> Math.max(all[i], own[i]);
            };
      }
    }
    return tensor(all, tensors.getFirst());
  }

  private static double[] numbers(Tensor host) {
    if (host.dtype() != DType.F64) {
      float[] values = host.toFloats();
      return IntStream.range(0, values.length).mapToDouble(i -> values[i]).toArray();
    }
    return host.segment().toArray(ValueLayout.JAVA_DOUBLE_UNALIGNED);
  }

  private static Tensor tensor(double[] numbers, Tensor like) {
    if (like.dtype() == DType.F64) {
      return new Tensor(like.shape(), DType.F64, new HostStorage(MemorySegment.ofArray(numbers)));
    }
    float[] values = new float[numbers.length];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) numbers[i];
    }
    return Tensor.of(values, like.shape().toArray());
  }
}
