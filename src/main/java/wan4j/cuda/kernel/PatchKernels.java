package wan4j.cuda.kernel;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import wan4j.cuda.bind.LaunchShape;
import wan4j.cuda.device.Device;
import wan4j.cuda.device.DeviceStorage;
import wan4j.cuda.jit.Kernel;
import wan4j.tensor.DType;
import wan4j.tensor.Tensor;

/// The host half of patch.cu: latents into patches and back.
public final class PatchKernels {
  private record Key(String name, DType type) {}

  private final Device device;
  private final Map<Key, Kernel> kernels = new HashMap<>();

  public PatchKernels(Device device) {
    this.device = device;
  }

  /// Cuts latents into tokens `[tokens, columns]`.
  public void patchify(List<Tensor> latents, Tensor tokens) {
    int first = 0;
    for (Tensor latent : latents) {
      int channels = latent.length(0);
      if (latent.count() > 0) {
        device
            .arguments()
            .add(DeviceStorage.address(latent))
            .add(DeviceStorage.address(tokens))
            .add(latent.length(1))
            .add(latent.length(2) / 2)
            .add(latent.length(3) / 2)
            .add(channels)
            .add(tokens.length(1))
            .add(first);
        device.launch(
            kernel(new Key("patchify", tokens.dtype())),
            LaunchShape.covering(latent.count() / 4, Tiling.FLAT_THREADS));
      }
      first += channels * 4;
    }
  }

  /// Puts tokens back into a latent.
  public void unpatchify(Tensor tokens, Tensor latent) {
    if (latent.count() == 0) {
      return;
    }
    device
        .arguments()
        .add(DeviceStorage.address(tokens))
        .add(DeviceStorage.address(latent))
        .add(latent.length(1))
        .add(latent.length(2) / 2)
        .add(latent.length(3) / 2)
        .add(latent.length(0));
    device.launch(
        kernel(new Key("unpatchify", tokens.dtype())),
        LaunchShape.covering(latent.count() / 4, Tiling.FLAT_THREADS));
  }

  private Kernel kernel(Key key) {
    return kernels.computeIfAbsent(
        key, _ -> device.kernel("patch.cu", key.name, Map.of("TYPE", ElementType.of(key.type))));
  }
}
