package wan4j.cuda.bind;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/// The CUDA libraries of this process, each found once: the driver first, because its version
/// decides whether libraries of the CUDA 13 generation may be loaded.
final class NativeLibraries {
  private static final int THIRTEEN = 13_000; // CUDA 13.0, as the driver says it

  private static final Map<String, String> ENVIRONMENT = System.getenv();
  private static final List<Path> CHOSEN = LibraryLocations.chosen(ENVIRONMENT);
  private static final List<Path> USUAL = LibraryLocations.usual(Path.of("/"), ENVIRONMENT);

  /// The driver's own library, installed with the driver and never by pip.
  static final NativeLibrary DRIVER =
      load(
          "the NVIDIA driver",
          List.of("libcuda.so.1"),
          "12.0 (driver 525)",
          "apt-get install nvidia-driver-580");

  private static final int VERSION = DRIVER.isLoaded() ? DriverVersion.of(DRIVER) : THIRTEEN;

  // NVRTC opens its builtins, and cuDNN opens NVRTC and cuBLASLt, by their bare names at run time:
  // having loaded those first, from wherever they are, they are found without any loader path.
  static final NativeLibrary NVRTC =
      load(
              "NVRTC",
              generations("libnvrtc.so", VERSION),
              "12.0",
              pip("nvidia-cuda-nvrtc", "-cu12", ""))
          .withNeighbours("libnvrtc-builtins.so.*");
  static final NativeLibrary CUBLASLT =
      load(
          "cuBLASLt",
          generations("libcublasLt.so", VERSION),
          "12.1",
          pip("nvidia-cublas", "-cu12", ""));
  static final NativeLibrary CUDNN =
      load("cuDNN", List.of("libcudnn.so.9"), "9.10.2", pip("nvidia-cudnn", "-cu12", "-cu13"));
  static final NativeLibrary NCCL =
      load("NCCL", List.of("libnccl.so.2"), "2.14.3", pip("nvidia-nccl", "-cu12", "-cu13"));

  /// Comes with the driver; asked for the driver's version alone.
  static final NativeLibrary NVML =
      load("NVML", List.of("libnvidia-ml.so.1"), "12.0", "apt-get install nvidia-utils-580");

  private NativeLibraries() {}

  /// File names of a toolkit library that a driver of this version can serve, newest generation
  /// first.
  static List<String> generations(String stem, int driverVersion) {
    return driverVersion >= THIRTEEN ? List.of(stem + ".13", stem + ".12") : List.of(stem + ".12");
  }

  private static String pip(String name, String twelve, String thirteen) {
    return "pip install --upgrade " + name + (VERSION >= THIRTEEN ? thirteen : twelve);
  }

  private static NativeLibrary load(String name, List<String> files, String least, String cure) {
    return NativeLibrary.load(name, new NativeLibrary.Source(files, least, cure), CHOSEN, USUAL);
  }
}
