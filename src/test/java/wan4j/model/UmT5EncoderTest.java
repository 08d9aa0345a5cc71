package wan4j.model;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.reflect.Proxy;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import wan4j.cpu.CpuOps;
import wan4j.ops.Ops;
import wan4j.tensor.Tensor;
import wan4j.weights.Checkpoint;

final class UmT5EncoderTest {
  private static final Path CHECKPOINT = Path.of("demo/checkpoint/t2v");

  private final List<Tensor> uploads = new ArrayList<>();

  /// Returns a backend that notes what is uploaded.
  private Ops watched(Ops ops) {
    return (Ops)
        Proxy.newProxyInstance(
            Ops.class.getClassLoader(),
            new Class<?>[] {Ops.class},
            (_, method, arguments) -> {
              if (method.getName().equals("upload")) {
                uploads.add((Tensor) arguments[0]);
              }
              return method.invoke(ops, arguments);
            });
  }

  private static float[] states(Ops ops, UmT5Encoder encoder, int... ids) {
    try (var _ = ops.scope()) {
      return ops.download(encoder.encode(ids, ids.length)).toFloats();
    }
  }

  @Test
  void promptsOfOneLengthUploadTheirIdsAlone() {
    try (CpuOps processor = new CpuOps();
        Checkpoint checkpoint = Checkpoint.open(CHECKPOINT)) {
      Ops ops = watched(processor);
      try (UmT5Encoder encoder = new UmT5Encoder(checkpoint.textEncoder(), ops)) {
        float[] first = states(ops, encoder, 5, 6, 7, 8);
        uploads.clear();
        float[] second = states(ops, encoder, 9, 6, 7, 8);
        assertThat(uploads).hasSize(1);
        assertThat(uploads.getFirst().toInts()).containsExactly(9, 6, 7, 8);
        assertThat(second).isNotEqualTo(first);
      }
    }
  }

  @Test
  void aLengthLeavesNothingBehindForTheNext() {
    try (CpuOps ops = new CpuOps();
        Checkpoint checkpoint = Checkpoint.open(CHECKPOINT);
        UmT5Encoder encoder = new UmT5Encoder(checkpoint.textEncoder(), ops)) {
      float[] fresh = states(ops, encoder, 5, 6, 7, 8);
      states(ops, encoder, 5, 6);
      assertThat(states(ops, encoder, 5, 6, 7, 8)).isEqualTo(fresh);
    }
  }
}
