package wan4j.cuda.bind;

import java.util.List;
import java.util.Optional;

/// Whether this machine can run the CUDA backend.
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

  /// The GPU that everything runs on: the first of compute capability 9.x. Throws [CudaException]
  /// where there is none.
  public static CudaDevice device() {
    CudaDriver.initialize();
    var devices = CudaDriver.devices();
    return first(devices)
        .orElseThrow(() ->
            new CudaException(
                NativeLibraries.DRIVER.name(),
                "cuDeviceGet",
                CudaException.MISSING,
                absence(devices)));
  }

  /// The GPU of this ordinal among those that the driver shows, counted from 0; throws
  /// [CudaException] where there is none or it cannot be used.
  public static CudaDevice device(int ordinal) {
    CudaDriver.initialize();
    var absence = absence(CudaDriver.devices(), ordinal);
    if (absence != null) {
      throw new CudaException(
          NativeLibraries.DRIVER.name(), "cuDeviceGet", CudaException.MISSING, absence);
    }
    return CudaDriver.device(ordinal);
  }

  /// How many GPUs the driver shows to this process.
  public static int count() {
    CudaDriver.initialize();
    return CudaDriver.devices().size();
  }

  /// Why one of these GPUs cannot be used, in one sentence, or null.
  static String absence(List<CudaDevice> devices, int ordinal) {
    if (ordinal < 0 || ordinal >= devices.size()) {
      return "got GPU %d, but the NVIDIA driver shows %d to this process, counted from 0; check nvidia-smi and CUDA_VISIBLE_DEVICES"
          .formatted(ordinal, devices.size());
    }
    return absence(devices.subList(ordinal, ordinal + 1));
  }

  /// The first of these GPUs that can be used.
  static Optional<CudaDevice> first(List<CudaDevice> devices) {
    return devices.stream().filter(CudaDevice::isHopper).findFirst();
  }

  /// Why no GPU can be used, in one sentence, or null; looks at the driver alone.
  static String gpuAbsence() {
    var driver = NativeLibraries.DRIVER;
    if (!driver.isLoaded()) {
      return driver.missing();
    }
    var old = driverAbsence(CudaDriver.version());
    if (old != null) {
      return old;
    }
    try {
      CudaDriver.initialize();
      return absence(CudaDriver.devices());
    } catch (CudaException e) {
      return "the NVIDIA driver found no usable GPU ("
          + e.getMessage()
          + "); check nvidia-smi and CUDA_VISIBLE_DEVICES";
    }
  }

  /// Why a driver that serves this CUDA version cannot be used, in one sentence, or null.
  static String driverAbsence(int version) {
    return version >= LEAST_DRIVER
        ? null
        : "the NVIDIA driver serves CUDA %s and wan4j needs 12.0 or newer (driver 525 or newer); update the driver"
            .formatted(version(version));
  }

  /// Why none of these GPUs can be used, in one sentence, or null.
  static String absence(List<CudaDevice> devices) {
    if (devices.isEmpty()) {
      return "the NVIDIA driver shows no GPU; check nvidia-smi and CUDA_VISIBLE_DEVICES";
    }
    if (first(devices).isPresent()) {
      return null;
    }
    return "%s has compute capability %s and wan4j's kernels need 9.x (Hopper: H100, H200); use --device cpu"
        .formatted(devices.getFirst().name(), devices.getFirst().capability());
  }

  /// Why a library built for one CUDA version cannot be used with a driver that serves another, as
  /// half a sentence, or null: a driver serves its own generation and older ones.
  static String generationAbsence(int builtFor, int served) {
    return builtFor / 1000 <= served / 1000
        ? null
        : "is built for CUDA %s and the NVIDIA driver serves CUDA %s, which needs a build for CUDA %d"
            .formatted(version(builtFor), version(served), served / 1000);
  }

  /// 13020 → "13.2".
  static String version(int version) {
    return version / 1000 + "." + version % 1000 / 10;
  }
}
