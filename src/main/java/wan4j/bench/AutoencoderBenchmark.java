package wan4j.bench;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import wan4j.Device;
import wan4j.Ranks;
import wan4j.Task;
import wan4j.VideoSize;
import wan4j.bench.measure.Measurement;
import wan4j.bench.random.RandomWeights;
import wan4j.engine.RankLinks;
import wan4j.engine.RankThreads;
import wan4j.model.VideoAutoencoder;
import wan4j.model.WanVae21;
import wan4j.model.WanVae22;
import wan4j.ops.Ops;
import wan4j.parallel.LocalMeeting;
import wan4j.tensor.DType;
import wan4j.tensor.InputException;
import wan4j.tensor.Tensor;

/// Encoding and decoding of a whole video: of the Wan2.2 autoencoder for ti2v-5B, of the Wan2.1
/// autoencoder for the others.
public final class AutoencoderBenchmark {
  private AutoencoderBenchmark() {}

  /// Measures decoding, encoding or both.
  public static List<Measurement> run(
      Workbench bench, Task task, VideoSize size, boolean decode, boolean encode) {
    bench.requireNoRecipe("vae");
    Ops ops = bench.ops();
    List<Measurement> results = new ArrayList<>();
    try (VideoAutoencoder vae = open(task, ops)) {
      if (size.width() % vae.stride() != 0 || size.height() % vae.stride() != 0) {
        throw new InputException(
            "--size got %s; expected multiples of %d".formatted(size.sides(), vae.stride()));
      }
      if (decode) {
        Tensor latents =
            bench.random(
                DType.F32,
                1,
                vae.channels(),
                size.latentFrames(),
                size.height() / vae.stride(),
                size.width() / vae.stride());
        results.addAll(
            bench.measure(
                "vae",
                parameters(bench, task, size, "decode"),
                () -> vae.decode(latents, (_, features) -> ops.pixels(features))));
      }
      if (encode) {
        Tensor video = bench.random(DType.F32, 0.5f, 3, size.frames(), size.height(), size.width());
        results.addAll(
            bench.measure(
                "vae",
                parameters(bench, task, size, "encode"),
                () -> {
                  try (var _ = ops.scope()) {
                    vae.encode(video);
                  }
                }));
      }
    }
    return results;
  }

  /// Measures the same of ranks that take the pieces of a video in turn, until the slowest is done;
  /// throws `InputException` when there are too few GPUs.
  public static List<Measurement> ofRanks(
      Workbench.Settings settings,
      Ranks ranks,
      Task task,
      VideoSize size,
      boolean decode,
      boolean encode) {
    BenchRanks.require(settings.device(), ranks);
    LocalMeeting meeting = new LocalMeeting(ranks.count(), ranks.timeout());
    return RankThreads.together(
        meeting,
        rank -> {
          try (Workbench bench = new Workbench(settings, BenchRanks.open(settings, ranks, rank));
              RankLinks links = RankLinks.of(bench.backend(), meeting, rank, ranks);
              VideoAutoencoder vae = open(task, bench.backend())) {
            vae.shareWith(links.all());
            List<Measurement> results =
                new OfRanks(bench, ranks, new RankClock(bench.backend(), meeting, rank), vae)
                    .measure(task, size, decode, encode);
            var _ = meeting.meet(rank, Boolean.class, true); // exchanged memory is there until then
            return results;
          }
        });
  }

  /// The autoencoder of one of them.
  private record OfRanks(Workbench bench, Ranks ranks, RankClock clock, VideoAutoencoder vae) {
    List<Measurement> measure(Task task, VideoSize size, boolean decode, boolean encode) {
      Ops ops = bench.backend();
      List<Measurement> results = new ArrayList<>();
      if (decode) {
        long[] latents = vae.latents(size.frames(), size.height(), size.width()).toArray();
        Tensor random = bench.random(DType.F32, 1, latents);
        results.add(
            time(
                parameters(bench, task, size, "decode"),
                () -> vae.decode(random, (_, features) -> ops.pixels(features))));
      }
      if (encode) {
        Tensor video = bench.random(DType.F32, 0.5f, 3, size.frames(), size.height(), size.width());
        results.add(
            time(
                parameters(bench, task, size, "encode"),
                () -> {
                  try (var _ = ops.scope()) {
                    vae.encode(video);
                  }
                }));
      }
      return results;
    }

    private Measurement time(Map<String, Object> parameters, Runnable work) {
      parameters.put("ranks", ranks.count());
      if (bench.settings().device() != Device.CPU && !ranks.sharesGpu()) {
        parameters.put("gpus", ranks.count());
      }
      return Measurement.of("vae", parameters, "time", "ms", clock.runs(bench.settings(), 1, work));
    }
  }

  /// Returns a task's autoencoder with random weights.
  static VideoAutoencoder open(Task task, Ops ops) {
    return task == Task.TI2V_5B
        ? new WanVae22(RandomWeights.vae22(), ops)
        : new WanVae21(RandomWeights.vae21(), ops);
  }

  private static Map<String, Object> parameters(
      Workbench bench, Task task, VideoSize size, String direction) {
    Map<String, Object> parameters = bench.parameters();
    parameters.put("task", task.spelling());
    parameters.put("share", 1);
    parameters.put("network", task == Task.TI2V_5B ? "Wan2.2 VAE" : "Wan2.1 VAE");
    parameters.put("direction", direction);
    parameters.put("size", size.sides());
    parameters.put("frames", size.frames());
    return parameters;
  }
}
