package wan4j.bench;

import wan4j.Device;
import wan4j.Ranks;
import wan4j.cuda.bind.Cuda;
import wan4j.cuda.jit.KernelCache;
import wan4j.engine.Backends;
import wan4j.ops.Ops;
import wan4j.tensor.InputException;

/// The devices of a benchmark's ranks.
final class BenchRanks {
  private BenchRanks() {}

  /// Throws `InputException` when this machine has too few GPUs for ranks.
  static void require(Device device, Ranks ranks) {
    if (device == Device.CPU || ranks.isAlone()) {
      return; // a single backend tells by itself what it lacks
    }
    Backends.requireGpu();
    if (!ranks.sharesGpu() && ranks.count() > Cuda.count()) {
      throw new InputException(
          "--gpus got %d, but this machine has %d; give at most that, or --share_gpu"
              .formatted(ranks.count(), Cuda.count()));
    }
  }

  /// Opens a rank's backend, which the calling thread uses.
  static Ops open(Workbench.Settings settings, Ranks ranks, int rank) {
    if (settings.device() == Device.CPU) {
      return Backends.open(Device.CPU);
    }
    int gpu = ranks.sharesGpu() ? Cuda.device().ordinal() : rank;
    return Backends.open(gpu, settings.arithmetic(), KernelCache.ofUser());
  }
}
