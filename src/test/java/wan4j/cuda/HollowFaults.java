package wan4j.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import wan4j.Arithmetic;
import wan4j.Device;
import wan4j.Ranks;
import wan4j.cuda.bind.CudaException;
import wan4j.engine.Backends;
import wan4j.engine.RankPart;
import wan4j.ops.Parameters;
import wan4j.ops.Scope;
import wan4j.tensor.DType;
import wan4j.tensor.InputException;
import wan4j.tensor.Tensor;
import wan4j.tensor.TensorSource;

/// What becomes of several GPUs in one thread, of one GPU in several threads, and of a GPU whose
/// context is broken, on GPUs that do nothing.
final class HollowFaults {
  private static final int ILLEGAL_ADDRESS = 700;

  private HollowFaults() {}

  public static void main(String[] arguments) throws InterruptedException {
    everyGpuGetsItsOwnWork();
    aBackendServesOneThread();
    aRankWithTooLittleMemoryIsNamed();
    aBrokenContextSaysSoAndGivesNothingBack(); // last: the driver fails from then on
  }

  private static void everyGpuGetsItsOwnWork() {
    assertThatThrownBy(() -> HollowOps.open(3))
        .isInstanceOf(CudaException.class)
        .hasMessageStartingWith("got GPU 3, but the NVIDIA driver shows 3 to this process");
    try (CudaOps first = HollowOps.open(0);
        CudaOps second = HollowOps.open(1);
        Scope _ = first.scope();
        Scope _ = second.scope()) {
      Tensor one = first.empty(DType.F32, 4);
      Tensor other = second.empty(DType.F32, 4);
      List<String> calls =
          HollowGpus.calls(() -> {
            first.clear(one);
            second.clear(other);
            first.clear(one);
          });
      assertThat(calls).hasSize(3);
      assertThat(calls.get(0)).startsWith("fill on GPU 0 ");
      assertThat(calls.get(1)).startsWith("fill on GPU 1 ");
      assertThat(calls.get(2)).isEqualTo(calls.get(0));
    }
  }

  private static void aBackendServesOneThread() throws InterruptedException {
    try (CudaOps ops = HollowOps.open(0);
        Scope _ = ops.scope()) {
      Tensor x = ops.empty(DType.F32, 4);
      inThread(() -> {
        requireRefused(() -> ops.clear(x));
        requireRefused(() -> ops.empty(DType.F32, 4));
        requireRefused(ops::synchronize);
        requireRefused(ops::close);
        ops.claim();
        ops.clear(x);
      });
      requireRefused(() -> ops.clear(x));
      ops.claim();
      ops.clear(x);
    }
  }

  private static void requireRefused(Runnable call) {
    assertThatThrownBy(call::run)
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("claim()");
  }

  private static void inThread(Runnable work) throws InterruptedException {
    Throwable[] failure = new Throwable[1];
    Thread thread = new Thread(work, "another");
    thread.setUncaughtExceptionHandler((_, e) -> failure[0] = e);
    thread.start();
    thread.join();
    assertThat(failure[0]).isNull();
  }

  private static void aRankWithTooLittleMemoryIsNamed() {
    assertThatThrownBy(() ->
            RankPart.together(
                Device.CUDA,
                Arithmetic.BFLOAT16,
                Ranks.of(2).sharing(),
                part -> {
                  if (!part.isFirst()) {
                    try (Scope _ = part.ops().scope()) {
                      var _ =
                          part.ops()
                              .empty(DType.F32, 1L << 42); // all of the GPU, of which it has half
                    }
                  }
                }))
        .isInstanceOf(InputException.class)
        .hasMessageMatching(
            "rank 1 of 2 failed: the GPU has [0-9,]+ of [0-9,]+ MiB free and [0-9,]+ MiB more are"
                + " needed; .*");
  }

  private static void aBrokenContextSaysSoAndGivesNothingBack() {
    CudaOps ops = HollowOps.open(0);
    Parameters parameters = ops.parameters();
    TensorSource source = TensorSource.of("weight", Tensor.of(new float[64], 64));
    parameters.tensor(source, DType.BF16);
    ops.synchronize();
    Scope scope = ops.scope();
    Tensor x = ops.empty(DType.F32, 4);
    HollowGpus.breakDown(ILLEGAL_ADDRESS);
    assertThatThrownBy(ops::synchronize)
        .isInstanceOfSatisfying(
            CudaException.class,
            e -> {
              assertThat(e.breaksContext()).isTrue();
              assertThat(Backends.failure(e)).contains("start wan4j again");
            });
    List<String> calls =
        HollowGpus.calls(() -> {
          assertThatThrownBy(() -> ops.clear(x))
              .isInstanceOf(CudaException.class)
              .hasMessageContaining("has lost the GPU")
              .hasMessageContaining("cuStreamSynchronize failed with 700");
          scope.close();
          parameters.close();
          ops.close();
        });
    assertThat(calls).isEmpty();
  }
}
