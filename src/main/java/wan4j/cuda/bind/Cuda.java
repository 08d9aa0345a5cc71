package wan4j.cuda.bind;

/// Whether this machine can run the CUDA backend, honestly.
public final class Cuda {
  private static final int LEAST_DRIVER = 12_000;

  private Cuda() {}

  /// Whether `--device cuda` can work here: driver, a Hopper GPU and every library that it needs.
  public static boolean isPresent() {
    return absence() == null;
  }

  /// Why [#isPresent] is false, in one sentence with the cure, or null where it is true.
  public static String absence() {
    return CudaReport.ofThisMachine().lines().stream()
        .filter(line -> line.needed() && !line.isFine())
        .map(CudaReport.Line::problem)
        .findFirst()
        .orElse(null);
  }

  /// Why no GPU can be used, in one sentence, or null; looks at the driver alone.
  static String gpuAbsence() {
    var driver = NativeLibraries.DRIVER;
    if (!driver.isLoaded()) {
      return driver.missing();
    }
    var version = CudaDriver.version();
    if (version < LEAST_DRIVER) {
      return "the NVIDIA driver serves CUDA "
          + version(version)
          + " and wan4j needs 12.0 or newer (driver 525 or newer); update the driver";
    }
    try {
      CudaDriver.initialize();
      var count = CudaDriver.deviceCount();
      if (count == 0) {
        return "the NVIDIA driver shows no GPU; check nvidia-smi and CUDA_VISIBLE_DEVICES";
      }
      for (var ordinal = 0; ordinal < count; ordinal++) {
        if (CudaDriver.device(ordinal).isHopper()) {
          return null;
        }
      }
      var device = CudaDriver.device(0);
      return device.name()
          + " has compute capability "
          + device.capability()
          + " and wan4j's kernels need 9.x (Hopper: H100, H200); use --device cpu";
    } catch (CudaException e) {
      return "the NVIDIA driver found no usable GPU ("
          + e.getMessage()
          + "); check nvidia-smi and CUDA_VISIBLE_DEVICES";
    }
  }

  /// 13020 → "13.2".
  static String version(int version) {
    return version / 1000 + "." + version % 1000 / 10;
  }
}
