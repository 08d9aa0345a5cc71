import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import wan4j.Device;
import wan4j.EngineOptions;
import wan4j.Progress;
import wan4j.Sampling;
import wan4j.Source;
import wan4j.VideoEngine;
import wan4j.VideoRequest;
import wan4j.VideoSize;
import wan4j.media.PictureReader;
import wan4j.media.VideoSettings;
import wan4j.media.VideoWriter;

/// Makes videos of mixed sizes and tasks in one process, and says by how much its memory grew after the first five:
///
///     MixedRequests DEVICE COUNT ENDING FOLDER
///
/// with the demo's models, in the repository's root; FOLDER takes the videos and ENDING tells their format. The exit
/// status is 0 when the host's memory has grown by 20 MB at most and a GPU's not at all. To be run with a heap that has
/// all its memory from the start.
final class MixedRequests {
  private static final int WARM_UP = 5;
  private static final int MOST_GROWTH = 20; // MB of the host
  // the warm-up has the largest of both tasks, which take turns
  private static final List<String> SIZES = List.of("96*64", "64*32", "32*64", "64*64");
  private static final int[] FRAMES = {17, 9, 5};

  private MixedRequests() {}

  public static void main(String[] arguments) throws IOException, InterruptedException {
    Device device = Device.of(arguments[0]);
    int count = WARM_UP + Integer.parseInt(arguments[1]);
    String ending = arguments[2];
    Path folder = Path.of(arguments[3]);
    long host = 0;
    long gpu = 0;
    try (VideoEngine text = open(device, "t2v");
        VideoEngine picture = open(device, "i2v")) {
      for (int i = 0; i < count; i++) {
        if (i == WARM_UP) {
          host = host();
          gpu = gpu(device);
          System.out.printf("after %d requests: host %d MB, GPU %d MB%n", i, host, gpu);
        }
        make(i % 2 == 0 ? text : picture, i, folder.resolve(i + ending));
      }
      long lastHost = host();
      long lastGpu = gpu(device);
      System.out.printf("after %d requests: host %d MB, GPU %d MB%n", count, lastHost, lastGpu);
      System.exit(lastHost - host <= MOST_GROWTH && lastGpu == gpu ? 0 : 1);
    }
  }

  private static VideoEngine open(Device device, String model) {
    return VideoEngine.open(
        new EngineOptions(Path.of("demo", "checkpoint", model), device, false, false));
  }

  private static void make(VideoEngine engine, int number, Path target) {
    VideoSize size = VideoSize.of(SIZES.get(number % SIZES.size()), FRAMES[number % FRAMES.length]);
    Sampling sampling = Sampling.of(engine.task(), number).withSteps(4);
    VideoRequest request = VideoRequest.of("a red ball moves to the right", size, sampling);
    if (number % 2 == 1) {
      request = request.with(new Source.Image(PictureReader.read(Path.of("demo", "picture.png"))));
    }
    VideoSettings settings = VideoSettings.silent(16);
    try (VideoWriter video = VideoWriter.open(target, settings)) {
      engine.generate(request, video, Progress.NONE);
      video.finish();
    }
  }

  /// Returns the process's resident megabytes.
  private static long host() throws IOException {
    System.gc();
    for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
      if (line.startsWith("VmRSS:")) {
        return Long.parseLong(line.replaceAll("\\D", "")) / 1024;
      }
    }
    throw new IOException("/proc/self/status has no VmRSS");
  }

  /// Returns the megabytes in use on the GPU, by whoever it is: within a container the driver does
  /// not tell them by process.
  private static long gpu(Device device) throws IOException, InterruptedException {
    if (device == Device.CPU) {
      return 0;
    }
    Process process =
        new ProcessBuilder(
                "nvidia-smi", "--id=0", "--query-gpu=memory.used", "--format=csv,noheader,nounits")
            .start();
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    if (process.waitFor() != 0) {
      throw new IOException("nvidia-smi said: " + said);
    }
    return Long.parseLong(said.strip());
  }
}
