package wan4j.cli;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.Consumer;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import wan4j.CacheSettings;
import wan4j.Device;
import wan4j.EngineOptions;
import wan4j.Offload;
import wan4j.Sampling;
import wan4j.Task;
import wan4j.Video;
import wan4j.VideoEngine;
import wan4j.VideoRequest;
import wan4j.VideoSize;
import wan4j.files.PendingFile;
import wan4j.media.Picture;
import wan4j.media.PictureReader;
import wan4j.media.Sound;
import wan4j.media.VideoFormat;
import wan4j.media.VideoSettings;
import wan4j.media.VideoWriter;
import wan4j.schedule.Sampler;
import wan4j.schedule.noise.Noise;
import wan4j.tensor.InputException;
import wan4j.tensor.Tensor;

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
  private static final int USUAL_QUALITY = 18;
  private static final int LONGEST_WORDS = 120; // bytes of a prompt in the name of a file

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

  @Option(names = "--image", description = "The picture that the video begins with.")
  private Path image;

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
      description = "Frames, 4n+1 (default: 81, ti2v 121).")
  private Integer frames;

  @Option(
      names = {"--sample_solver", "--solver"},
      defaultValue = "unipc",
      description = "unipc, dpm++ or euler (default: ${DEFAULT-VALUE}).")
  private String solver;

  @Option(
      names = {"--sample_steps", "--steps"},
      description = "Solver steps (default: 40, ti2v 50).")
  private Integer steps;

  @Option(
      names = {"--sample_shift", "--shift"},
      description = "How far noise levels are shifted up (default: t2v 12, else 5).")
  private Double shift;

  @Option(
      names = {"--sample_guide_scale", "--guidance"},
      description = "Guidance, one number or LOW,HIGH for the two experts (default: the task's).")
  private String guidance;

  @Option(
      names = {"--base_seed", "--seed"},
      defaultValue = "-1",
      description = "The seed of the noise; -1 for a random one.")
  private long seed;

  @Option(
      names = "--noise",
      defaultValue = "cuda",
      description =
          "Whose noise: PyTorch's on a cuda or on a cpu device (default: ${DEFAULT-VALUE}).")
  private String noise;

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

  @Option(
      names = {"-o", "--save_file", "--out"},
      description =
          "The video: .mp4, .gif, .mkv (lossless) or a folder of PNG files (default: a name made of"
              + " the request).")
  private Path saveFile;

  @Option(
      names = "--quality",
      description = "Quality of an mp4, as a CRF: 0 best, 51 worst (default: 18).")
  private Integer quality;

  @Option(
      names = "--resume",
      description = "Decode the latents that an interrupted run left beside --save_file.")
  private boolean resume;

  @Option(
      names = "--compare",
      paramLabel = "bf16",
      description =
          "Run the request again without quantisation and cache, from the same noise, and tell how"
              + " near the video is, frame by frame, and the latents, step by step; also as JSON"
              + " beside the video.")
  private String compare;

  @Option(
      names = "--save_latents",
      paramLabel = "DIR",
      description =
          "Keep the latents after each step in a new folder; compare DIR DIR tells how near two such"
              + " folders are, step by step.")
  private Path latentsFolder;

  @Mixin private ReportOptions report;
  @Mixin private ArithmeticOptions arithmetic;
  @Mixin private QuantizationOptions quantization;
  @Mixin private LoraOptions loras;
  @Mixin private LaterFlags later;

  @Override
  public Integer call() {
    later.refuse();
    checkFlags();
    if (calibration != null) {
      PendingFile.requireWritable(calibration);
    }
    if (latentsFolder != null) {
      new StepLatents(latentsFolder).requireNew();
    }
    Device where = where();
    EngineOptions options =
        new EngineOptions(
            checkpoint,
            where,
            arithmetic.on(where, device == null ? Device.absence() : null),
            quantization.quantization(),
            loras.files(),
            loras.mode(),
            offload(),
            textOnCpu);
    List<Tensor> steps = new ArrayList<>();
    Path target;
    Video video;
    ComparedRun compared;
    try (var progress = report.progress()) {
      try (VideoEngine engine = VideoEngine.open(options)) {
        if (task != null && Task.of(task) != engine.task()) {
          throw new InputException(
              "%s is a checkpoint of %s, but --task got %s; give the folder of that task's checkpoint"
                  .formatted(checkpoint, engine.task().spelling(), task));
        }
        VideoRequest request = request(engine.task());
        compared = compare == null ? null : new ComparedRun(options, request, engine.recipe());
        target = saveFile == null ? defaultName(engine.task(), request) : saveFile;
        VideoWriter.checkTarget(target, request.size().frames());
        if (compared != null) {
          ComparedRun.requireWritable(target);
        }
        var description =
            SavedLatents.description(options, engine.task(), engine.recipe(), request);
        video = run(engine, request, target, description, steps, progress);
      }
      if (compared != null) {
        compared.run(video, steps, target, progress);
      }
    }
    return 0;
  }

  private Video run(
      VideoEngine engine,
      VideoRequest request,
      Path target,
      Map<String, String> description,
      List<Tensor> steps,
      Reporter progress) {
    SavedLatents file = SavedLatents.beside(target);
    SavedLatents.Saved saved;
    if (resume) {
      saved = file.read(description, seed < 0 ? null : seed);
    } else {
      var latents =
          compare == null && latentsFolder == null
              ? engine.sample(request, progress)
              : engine.sample(request, progress, keeper(steps));
      saved = new SavedLatents.Saved(latents, request.sampling().seed());
      file.write(latents, description, request.sampling().seed());
    }
    Video video = engine.decode(saved.latents(), progress);
    VideoSettings settings =
        new VideoSettings(
            video.framesPerSecond(), quality == null ? USUAL_QUALITY : quality, Sound.NONE);
    progress.timed("save", () -> VideoWriter.write(video.frames(), target, settings));
    file.delete();
    progress.finished(target, saved.seed(), engine.peakBytes());
    return video;
  }

  /// Keeps the latents of each step where they are asked for.
  private Consumer<Tensor> keeper(List<Tensor> steps) {
    int[] count = new int[1];
    return latents -> {
      count[0]++;
      if (latentsFolder != null) {
        new StepLatents(latentsFolder).write(count[0], latents);
      }
      if (compare != null) {
        steps.add(latents);
      }
    };
  }

  private Offload offload() {
    return offload == null
        ? Offload.WHERE_NEEDED
        : Offload.of(Flags.isTrue("--offload_model", offload, true));
  }

  private Device where() {
    return device == null ? Device.preferred() : Device.of(device);
  }

  private void checkFlags() {
    if (checkpoint == null) {
      throw new InputException(
          "no checkpoint was given; give the folder of the download with --ckpt_dir");
    }
    if (convertModelType && where() == Device.CPU) {
      throw new InputException(
          "--convert_model_dtype was given, but the CPU computes in float32 from weights as they"
              + " are stored; leave it out");
    }
    if (prompt != null && promptFile != null) {
      throw new InputException("--prompt and --prompt_file were both given; give one of them");
    }
    magCache.check();
    if (calibration != null && magCache.isUsed()) {
      throw new InputException(
          "--magcache_calibration and --use_magcache were both given; calibrate first, then use");
    }
    if (resume && saveFile == null) {
      throw new InputException(
          "--resume was given without --save_file; name the file of the interrupted run");
    }
    if (resume && calibration != null) {
      throw new InputException(
          "--resume and --magcache_calibration were both given, but resuming runs no step to measure;"
              + " give one of them");
    }
    if (latentsFolder != null
        && saveFile != null
        && latentsFolder
            .toAbsolutePath()
            .normalize()
            .equals(saveFile.toAbsolutePath().normalize())) {
      throw new InputException(
          "--save_latents and --save_file both got %s; give the latents a folder of their own"
              .formatted(saveFile));
    }
    if (resume && latentsFolder != null) {
      throw new InputException(
          "--resume and --save_latents were both given, but the steps of an interrupted run are"
              + " gone; give one of them");
    }
    if (compare != null) {
      ComparedRun.check(compare, resume);
    }
    if (quality != null && saveFile != null && VideoFormat.of(saveFile) != VideoFormat.MP4) {
      throw new InputException(
          "--quality was given for %s, which holds pictures as they are; it is for .mp4: leave it out"
              .formatted(saveFile));
    }
    if (quality != null && (quality < 0 || quality > 51)) {
      throw new InputException("--quality got %d; it takes 0 (best) to 51".formatted(quality));
    }
  }

  private VideoRequest request(Task kind) {
    Task.Defaults defaults = kind.defaults();
    double[] scales = scales(kind);
    Sampling sampling =
        new Sampling(
            Sampler.of(solver),
            steps == null ? defaults.steps() : steps,
            shift == null ? defaults.shift() : shift,
            scales[0],
            scales[1],
            seed < 0 ? ThreadLocalRandom.current().nextLong(Long.MAX_VALUE) : seed,
            Noise.Kind.of(noise));
    return new VideoRequest(
        Prompt.of(prompt, promptFile),
        negativePrompt,
        picture(),
        size(kind),
        sampling,
        cache(),
        List.of());
  }

  private CacheSettings cache() {
    if (calibration != null) {
      return new CacheSettings.Calibration(calibration);
    }
    return magCache.settings();
  }

  private Picture picture() {
    return image == null ? null : PictureReader.read(image);
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

  private double[] scales(Task kind) {
    Task.Defaults defaults = kind.defaults();
    if (guidance == null) {
      return new double[] {defaults.lowGuidance(), defaults.highGuidance()};
    }
    List<String> parts = List.of(guidance.split(",", -1));
    if (parts.size() > 1 && kind == Task.TI2V_5B) {
      throw new InputException(
          "--sample_guide_scale got \"%s\", but %s has one transformer; give one number"
              .formatted(guidance, kind.spelling()));
    }
    try {
      double low = Double.parseDouble(parts.getFirst());
      double high = Double.parseDouble(parts.getLast());
      if (parts.size() > 2) {
        throw new NumberFormatException("three numbers");
      }
      return new double[] {low, high};
    } catch (NumberFormatException e) {
      throw new InputException(
          "--sample_guide_scale got \"%s\"; give one number, or LOW,HIGH for the two experts"
              .formatted(guidance),
          e);
    }
  }

  /// Names a video as the reference does: task, size, devices, prompt, time.
  private static Path defaultName(Task kind, VideoRequest request) {
    String words = request.prompt().replaceAll("[\\s/\\p{Cntrl}]", "_");
    int end = 0;
    for (int count = 0, bytes = 0; count < 50 && end < words.length(); count++) {
      String letter = Character.toString(words.codePointAt(end));
      bytes += letter.getBytes(StandardCharsets.UTF_8).length;
      if (bytes > LONGEST_WORDS) {
        break;
      }
      end += letter.length();
    }
    String start = words.substring(0, end);
    String time =
        LocalDateTime.now(ZoneId.systemDefault())
            .format(DateTimeFormatter.ofPattern("yyyyMMdd_HHmmss"));
    return Path.of(
        "%s_%s_1_%s_%s.mp4".formatted(kind.spelling(), request.size().sides(), start, time));
  }
}
