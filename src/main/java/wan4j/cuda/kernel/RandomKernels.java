package wan4j.cuda.kernel;

import java.util.Map;
import wan4j.cuda.bind.LaunchShape;
import wan4j.cuda.device.Device;
import wan4j.cuda.device.DeviceStorage;
import wan4j.tensor.RandomSource;
import wan4j.tensor.Tensor;

/// The host half of random.cu: pseudo-random values made where they are used.
public final class RandomKernels {
  private final Device device;

  public RandomKernels(Device device) {
    this.device = device;
  }

  /// Writes the source's values, converted to the target's type.
  public void fill(RandomSource source, Tensor target) {
    if (target.count() == 0) {
      return;
    }
    int vector = Tiling.vector(target.count(), target);
    long vectors = target.count() / vector;
    device
        .arguments()
        .add(DeviceStorage.address(target))
        .add(vectors)
        .add(source.seed())
        .add(source.mean())
        .add(source.factor());
    device.launch(
        device.kernel(
            "random.cu",
            "fillRandom",
            Map.of("VECTOR", vector, "TARGET", ElementType.of(target.dtype()))),
        LaunchShape.covering(vectors, Tiling.FLAT_THREADS));
  }
}
