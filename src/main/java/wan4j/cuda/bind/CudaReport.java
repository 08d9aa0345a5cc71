package wan4j.cuda.bind;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;

/// What of CUDA was found on this machine, for `./wan4j doctor`: one line for the driver, each GPU
/// and each library.
public record CudaReport(List<Line> lines) {
  private static final int LEAST_CUBLASLT = 120_100; // FP8 with fast accumulation and fused bias
  private static final int LEAST_NVRTC = 12_000; // code for sm_90a
  private static final int LEAST_NCCL = 21_403; // aborting a communicator from another thread

  /// One thing that was looked for: its name, version, where it lies, and null or the sentence that
  /// says what is wrong and the command that fixes it. `needed` is false where the backend runs
  /// without it.
  public record Line(String name, String version, String place, String problem, boolean needed) {
    /// Whether it can be used.
    public boolean isFine() {
      return problem == null;
    }
  }

  /// Copies the lines.
  public CudaReport {
    lines = List.copyOf(lines);
  }

  /// Looks at this machine; never throws for what is missing.
  public static CudaReport ofThisMachine() {
    var lines = new ArrayList<Line>();
    var gpu = Cuda.gpuAbsence();
    var driver = NativeLibraries.DRIVER;
    lines.add(
        line(
            driver,
            CudaReport::driver,
            () -> driver.isLoaded() ? Cuda.driverAbsence(CudaDriver.version()) : null,
            true));
    lines.addAll(devices(gpu));
    lines.add(
        line(
            NativeLibraries.NVRTC,
            Nvrtc::version,
            () -> problem(NativeLibraries.NVRTC, nvrtcVersion(), LEAST_NVRTC),
            true));
    lines.add(
        line(
            NativeLibraries.CUBLASLT,
            () -> dotted(CublasLt.version(), 10_000, 100),
            () -> problem(NativeLibraries.CUBLASLT, CublasLt.version(), LEAST_CUBLASLT),
            true));
    if (NativeLibraries.CUBLASLT.isLoaded()) {
      var absence = CublasLt.vectorScalesAbsence();
      lines.add(
          new Line(
              "FP8 scales per token, per block",
              absence == null ? "there" : "",
              "",
              absence,
              false));
    }
    lines.add(
        line(
            NativeLibraries.CUDNN,
            () -> dotted(Cudnn.version(), 10_000, 100),
            CudaReport::cudnnProblem,
            true));
    lines.add(
        line(
            NativeLibraries.NCCL,
            () -> dotted(Nccl.version(), 10_000, 100),
            () -> problem(NativeLibraries.NCCL, Nccl.version(), LEAST_NCCL),
            false));
    return new CudaReport(lines);
  }

  /// Whether the CUDA backend can run: nothing that it needs has a problem.
  public boolean isFine() {
    return lines.stream().allMatch(line -> line.isFine() || !line.needed());
  }

  private static String driver() {
    var release = CudaDriver.release();
    return (release == null ? "" : release + ", ") + "serves CUDA " + CudaDriver.served();
  }

  private static List<Line> devices(String absence) {
    var lines = new ArrayList<Line>();
    try {
      CudaDriver.initialize();
      for (var ordinal = 0; ordinal < CudaDriver.deviceCount(); ordinal++) {
        var device = CudaDriver.device(ordinal);
        lines.add(
            new Line(
                "GPU " + ordinal,
                device.name()
                    + ", compute capability "
                    + device.capability()
                    + ", "
                    + device.multiprocessors()
                    + " multiprocessors, "
                    + (device.memory() >> 20)
                    + " MiB",
                "",
                device.isHopper() ? null : "compute capability 9.x is needed: it stays unused",
                false));
      }
    } catch (CudaException e) {
      lines.clear();
    }
    if (lines.stream().noneMatch(Line::isFine)) {
      lines.add(new Line("a Hopper GPU", "", "", absence, true));
    }
    return lines;
  }

  private static Line line(
      NativeLibrary library, Supplier<String> version, Supplier<String> problem, boolean needed) {
    if (!library.isLoaded()) {
      return new Line(library.name(), "", "", library.missing(), needed);
    }
    var place = library.path().toString();
    try {
      return new Line(library.name(), version.get(), place, problem.get(), needed);
    } catch (CudaException e) {
      return new Line(library.name(), "", place, e.getMessage(), needed);
    }
  }

  private static int nvrtcVersion() {
    var parts = Nvrtc.version().split("\\.", -1);
    return Integer.parseInt(parts[0]) * 1000 + Integer.parseInt(parts[1]) * 10;
  }

  private static String cudnnProblem() {
    var library = NativeLibraries.CUDNN;
    var driver = NativeLibraries.DRIVER.isLoaded() ? CudaDriver.version() : 0;
    var other = driver == 0 ? null : Cuda.generationAbsence(Cudnn.runtimeVersion(), driver);
    return other == null
        ? problem(library, Cudnn.version(), Cudnn.LEAST)
        : library.unsuitable(other);
  }

  private static String problem(NativeLibrary library, int version, int least) {
    return version >= least ? null : library.tooOld();
  }

  static String dotted(int version, int major, int minor) {
    return version / major + "." + version % major / minor + "." + version % minor;
  }
}
