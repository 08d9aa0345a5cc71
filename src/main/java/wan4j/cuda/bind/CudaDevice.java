package wan4j.cuda.bind;

/// One GPU as the driver describes it; sizes in bytes.
public record CudaDevice(
    int ordinal, String name, int major, int minor, int multiprocessors, long memory) {

  /// Whether this GPU is of the Hopper generation, compute capability 9.x.
  public boolean isHopper() {
    return major == 9;
  }

  /// The compute capability as people write it, for example "9.0".
  public String capability() {
    return major + "." + minor;
  }
}
