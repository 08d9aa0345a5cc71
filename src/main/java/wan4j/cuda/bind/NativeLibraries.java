package wan4j.cuda.bind;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/// The CUDA libraries of this process, each found once: the driver first, because its version
/// decides whether libraries of the CUDA 13 generation may be loaded.
final class NativeLibraries {
  private static final Map<String, String> ENVIRONMENT = System.getenv();
  private static final List<Path> CHOSEN = LibraryLocations.chosen(ENVIRONMENT);
  private static final List<Path> USUAL = LibraryLocations.usual(Path.of("/"), ENVIRONMENT);

  /// The driver's own library, installed with the driver and never by pip.
  static final NativeLibrary DRIVER =
      load("the NVIDIA driver", List.of("libcuda.so.1"), "apt-get install nvidia-driver-580");

  private static final boolean THIRTEEN = driverVersion() >= 13_000;

  // NVRTC opens its builtins, and cuDNN opens NVRTC and cuBLASLt, by their bare names at run time:
  // having loaded those first, from wherever they are, they are found without any loader path.
  static final NativeLibrary NVRTC =
      load("NVRTC", generations("libnvrtc.so"), pip("nvidia-cuda-nvrtc"))
          .withNeighbours("libnvrtc-builtins.so.*");
  static final NativeLibrary CUBLASLT =
      load("cuBLASLt", generations("libcublasLt.so"), pip("nvidia-cublas"));
  static final NativeLibrary CUDNN =
      load(
          "cuDNN",
          List.of("libcudnn.so.9"),
          "pip install nvidia-cudnn-cu" + (THIRTEEN ? "13" : "12"));
  static final NativeLibrary NCCL =
      load(
          "NCCL", List.of("libnccl.so.2"), "pip install nvidia-nccl-cu" + (THIRTEEN ? "13" : "12"));

  private NativeLibraries() {}

  /// File names of a toolkit library that this driver can serve, newest generation first.
  private static List<String> generations(String stem) {
    return THIRTEEN ? List.of(stem + ".13", stem + ".12") : List.of(stem + ".12");
  }

  private static String pip(String name) {
    return "pip install " + name + (THIRTEEN ? "" : "-cu12");
  }

  private static NativeLibrary load(String name, List<String> files, String cure) {
    return NativeLibrary.load(name, files, CHOSEN, USUAL, cure);
  }

  private static int driverVersion() {
    return DRIVER.isLoaded() ? DriverVersion.of(DRIVER) : 13_000;
  }
}
