package wan4j.cli;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import wan4j.CacheSettings;
import wan4j.Device;
import wan4j.EngineOptions;
import wan4j.Offload;
import wan4j.Source;
import wan4j.Task;
import wan4j.VideoEngine;
import wan4j.VideoRequest;
import wan4j.VideoSize;
import wan4j.engine.KeptSteps;
import wan4j.engine.ProcessorPlan;
import wan4j.engine.SavedLatents;
import wan4j.files.PendingFile;
import wan4j.media.FrameBuffer;
import wan4j.media.FrameSink;
import wan4j.media.Picture;
import wan4j.media.VideoSettings;
import wan4j.media.VideoWriter;
import wan4j.tensor.InputException;

/// `wan4j generate`: one video, with the flags of the reference (Wan-Video/Wan2.2 at 42bf4cf,
/// generate.py, and mali-afridi/Wan2.2_FP8 at ee86e2e).
@Command(
    name = "generate",
    sortOptions = false,
    mixinStandardHelpOptions = true,
    description = "Makes a video with a checkpoint.",
    footerHeading = "%nTasks and examples:%n",
    footer = {
      "  t2v-A14B  text to video (1280*720, 720*1280, 832*480, 480*832)",
      "    wan4j generate --task t2v-A14B --ckpt_dir ./Wan2.2-T2V-A14B --size 1280*720 --prompt"
          + " \"...\"",
      "  i2v-A14B  image to video; the picture gives the aspect, --size the area",
      "    wan4j generate --task i2v-A14B --ckpt_dir ./Wan2.2-I2V-A14B --image cat.jpg --prompt"
          + " \"...\"",
      "  ti2v-5B   text, or text and image, to video (1280*704, 704*1280)",
      "    wan4j generate --task ti2v-5B --ckpt_dir ./Wan2.2-TI2V-5B --size 1280*704 --prompt"
          + " \"...\"",
    })
final class GenerateCommand implements Callable<Integer> {
  @Option(
      names = "--task",
      description = "The task (default: the checkpoint's own): t2v-A14B, i2v-A14B, ti2v-5B.")
  private String task;

  @Option(
      names = {"--ckpt_dir", "--checkpoint"},
      description = "The folder of the checkpoint, as downloaded in either layout.")
  private Path checkpoint;

  @Option(names = "--prompt", description = "What the video shows.")
  private String prompt;

  @Option(names = "--prompt_file", description = "A file with the prompt, in UTF-8.")
  private Path promptFile;

  @Option(
      names = {"--negative_prompt", "--n_prompt"},
      defaultValue = "",
      description = "What the video does not show (default: the reference's own).")
  private String negativePrompt;

  @Mixin private ImageOptions image;

  @Option(
      names = "--size",
      description =
          "Width*height, or the area where a picture gives the aspect (default: 1280*720, ti2v"
              + " 1280*704).")
  private String size;

  @Option(names = "--any_size", description = "Take sizes that the model was not trained for.")
  private boolean anySize;

  @Option(
      names = {"--frame_num", "--frames"},
      paramLabel = "1..",
      description = "Frames, 4n+1 (default: 81, ti2v 121).")
  private Integer frames;

  @Mixin private SamplingOptions sampling;

  @Option(
      names = "--device",
      description = "cpu or cuda (default: cuda where this machine has a Hopper GPU, else cpu).")
  private String device;

  @Option(
      names = "--offload_model",
      description =
          "True to let networks leave memory when they have done their part, False to keep them all"
              + " (default: on a GPU they stay where all of them fit, else, and on the CPU, True).")
  private String offload;

  @Option(names = "--t5_cpu", description = "Run the text encoder on the CPU.")
  private boolean textOnCpu;

  @Option(
      names = "--convert_model_dtype",
      description = "Hold weights in the device's type; on a GPU they always are.")
  private boolean convertModelType;

  @Mixin private MagCacheOptions magCache;

  @Option(
      names = "--magcache_calibration",
      arity = "0..1",
      fallbackValue = "magcache-ratios.json",
      description =
          "Measure MagCache's ratios and write them to a file (default: magcache-ratios.json).")
  private Path calibration;

  @Mixin private OutputOptions output;
  @Mixin private ReportOptions report;
  @Mixin private ArithmeticOptions arithmetic;
  @Mixin private QuantizationOptions quantization;
  @Mixin private AttentionOptions attention;
  @Mixin private LoraOptions loras;

  @Override
  public Integer call() {
    checkFlags();
    output.check();
    if (calibration != null) {
      PendingFile.requireWritable(calibration);
    }
    String absence = device == null ? Device.absence() : null;
    Device where = device == null ? preferred(absence) : Device.of(device);
    if (convertModelType && where == Device.CPU) {
      throw new InputException(
          "--convert_model_dtype was given, but the CPU computes in float32 from weights as they"
              + " are stored; leave it out");
    }
    EngineOptions options =
        new EngineOptions(
            checkpoint,
            where,
            arithmetic.on(where, absence),
            quantization.quantization(),
            loras.files(),
            loras.mode(),
            offload(),
            textOnCpu,
            attention.settings());
    KeptSteps steps = output.steps();
    Path target;
    FrameBuffer kept = new FrameBuffer(); // filled where the video is compared
    ComparedRun compared;
    try (var progress = report.progress()) {
      try (VideoEngine engine = VideoEngine.open(options)) {
        if (task != null && Task.of(task) != engine.task()) {
          throw new InputException(
              "%s is a checkpoint of %s, but --task got %s; give the folder of that task's checkpoint"
                  .formatted(checkpoint, engine.task().spelling(), task));
        }
        VideoRequest request = request(engine.task(), progress);
        compared = output.isCompared() ? new ComparedRun(options, request, engine.recipe()) : null;
        target = output.target(engine.task(), request);
        output.leftovers(target).forEach(progress::says);
        if (where == Device.CPU && !output.isResumed()) {
          ProcessorPlan.of(options, engine.task(), request)
              .sentences(options, request)
              .forEach(progress::says);
        }
        var description =
            SavedLatents.description(options, engine.task(), engine.recipe(), request);
        run(engine, request, target, description, steps, compared == null ? null : kept, progress);
      }
      if (compared != null) {
        compared.run(kept.frames(), steps.latents(), target, progress);
      }
    }
    return 0;
  }

  private void run(
      VideoEngine engine,
      VideoRequest request,
      Path target,
      Map<String, String> description,
      KeptSteps steps,
      FrameBuffer kept,
      Reporter progress) {
    SavedLatents file = SavedLatents.beside(target);
    SavedLatents.Saved saved;
    if (output.isResumed()) {
      saved = file.read(description, sampling.seed());
    } else {
      var latents =
          steps.areWanted()
              ? engine.sample(request, progress, steps)
              : engine.sample(request, progress);
      saved = new SavedLatents.Saved(latents, request.sampling().seed());
      file.write(latents, description, request.sampling().seed());
    }
    VideoSettings settings = output.settings(engine.task().defaults().framesPerSecond());
    try (VideoWriter writer = VideoWriter.open(target, settings)) {
      FrameSink sink = kept == null ? writer : writer.and(kept);
      engine.decode(request, saved.latents(), sink, progress);
      progress.timed("save", writer::finish);
      file.delete();
      progress.finished(target, saved.seed(), engine.peakBytes());
    } catch (RuntimeException | Error e) {
      throw new Unfinished(e, output.note(target));
    }
  }

  /// Returns the device where none was named, of what the machine has answered already.
  private static Device preferred(String absence) {
    return absence == null ? Device.CUDA : Device.CPU;
  }

  private Offload offload() {
    return offload == null
        ? Offload.WHERE_NEEDED
        : Offload.of(Flags.isTrue("--offload_model", offload, true));
  }

  private void checkFlags() {
    if (checkpoint == null) {
      throw new InputException(
          "no checkpoint was given; give the folder of the download with --ckpt_dir");
    }
    if (prompt != null && promptFile != null) {
      throw new InputException("--prompt and --prompt_file were both given; give one of them");
    }
    magCache.check();
    if (calibration != null && magCache.isUsed()) {
      throw new InputException(
          "--magcache_calibration and --use_magcache were both given; calibrate first, then use");
    }
    if (output.isResumed() && calibration != null) {
      throw new InputException(
          "--resume and --magcache_calibration were both given, but resuming runs no step to"
              + " measure; give one of them");
    }
  }

  private VideoRequest request(Task kind, Reporter progress) {
    return new VideoRequest(
        Prompt.of(prompt, promptFile),
        negativePrompt,
        source(progress),
        size(kind),
        sampling.of(kind),
        cache(),
        List.of());
  }

  private Source source(Reporter progress) {
    Picture picture = image.picture(progress::says);
    return picture == null ? Source.TEXT : new Source.Image(picture);
  }

  private CacheSettings cache() {
    if (calibration != null) {
      return new CacheSettings.Calibration(calibration);
    }
    return magCache.settings();
  }

  private VideoSize size(Task kind) {
    VideoSize wanted = kind.size(size, frames);
    if (!anySize && !kind.sizes().contains(wanted.sides())) {
      throw new InputException(
          "--size got %s, which %s was not trained for; give one of %s, or add --any_size"
              .formatted(wanted.sides(), kind.spelling(), String.join(", ", kind.sizes())));
    }
    return wanted;
  }
}
