package wan4j.cli;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import wan4j.Device;
import wan4j.onnx.OnnxRuntime.Processor;
import wan4j.preprocess.AnimatePreprocessing;
import wan4j.preprocess.PreprocessRequest;
import wan4j.preprocess.PreprocessRequest.MaskSettings;
import wan4j.tensor.InputException;

/// `wan4j preprocess animate`: the folder that `generate --task animate-14B` takes, of a driving
/// video and a picture, with the flags of the reference's preprocessing (Wan2.2 42bf4cf,
/// wan/modules/animate/preprocess/preprocess_data.py).
@Command(
    name = "animate",
    sortOptions = false,
    mixinStandardHelpOptions = true,
    description = {
      "Makes the folder that generate --task animate-14B takes: src_pose.mp4, src_face.mp4 and",
      "src_ref.png, with --replace_flag src_bg.mp4 and src_mask.mp4 too, the driving video's"
          + " sound,",
      "and sheet.png, a picture of what was found. It needs ONNX Runtime, and says how to get it."
    })
final class PreprocessAnimateCommand implements Callable<Integer> {
  private static final Path CHECKPOINT = Path.of("Wan2.2-Animate-14B");
  private static final String NETWORKS = "process_checkpoint";
  private static final int ITERATIONS = 3;
  private static final int KERNEL = 7;

  @Option(
      names = {"--video_path", "--video"},
      required = true,
      description = "The driving video.")
  private Path video;

  @Option(
      names = {"--refer_path", "--image"},
      required = true,
      description = "The picture of the character.")
  private Path picture;

  @Option(
      names = {"-o", "--save_path", "--out"},
      required = true,
      description = "The folder that is made, or written to.")
  private Path folder;

  @Option(
      names = {"--ckpt_path", "--ckpt_dir"},
      description =
          "The folder process_checkpoint, or the checkpoint that has it (default:"
              + " Wan2.2-Animate-14B).")
  private Path checkpoint = CHECKPOINT;

  @Option(
      names = "--resolution_area",
      arity = "2",
      paramLabel = "1..16384",
      description = "Width and height whose product is the area of a frame (default: 1280 720).")
  private List<Integer> area = List.of(1280, 720);

  @Option(
      names = "--fps",
      paramLabel = "-1..1000",
      defaultValue = "30",
      description = "Frames a second; -1: the video's own (default: ${DEFAULT-VALUE}).")
  private int framesPerSecond;

  @Option(
      names = "--retarget_flag",
      description = "Give the poses the proportions of the picture's character; for animation.")
  private boolean isRetargeted;

  @Option(
      names = "--refer_edit",
      description =
          "With --retarget_flag: the character in a plain pose, facing forward, as you have edited"
              + " the picture.")
  private Path editedPicture;

  @Option(
      names = "--tpl_edit",
      description =
          "With --refer_edit: the driving video's person in such a pose, as you have edited a"
              + " frame.")
  private Path editedFrame;

  @Option(
      names = "--use_flux",
      description = "Not here: edit two pictures with any program, and give them instead.")
  private boolean usesFlux;

  @Option(
      names = "--replace_flag",
      description = "The character takes the place of the person in the video.")
  private boolean isReplacement;

  @Option(
      names = "--mask_video",
      description = "With --replace_flag: the person's masks, white on black, a frame each.")
  private Path masks;

  @Option(
      names = "--iterations",
      paramLabel = "0..100",
      description =
          "With --replace_flag: how often the mask grows; 0: it stays as it is (default: 3).")
  private Integer iterations;

  @Option(
      names = "--k",
      paramLabel = "1..255",
      description = "With --replace_flag: pixels of the square that it grows by (default: 7).")
  private Integer kernel;

  @Option(
      names = "--w_len",
      paramLabel = "1..1000",
      description = "With --replace_flag: columns of the mask's grid (default: 1, its whole box).")
  private Integer columns;

  @Option(
      names = "--h_len",
      paramLabel = "1..1000",
      description = "With --replace_flag: rows of the mask's grid (default: 1, its whole box).")
  private Integer rows;

  @Option(
      names = "--onnxruntime",
      description = "The jar of ONNX Runtime (default: where Maven keeps it).")
  private Path runtime;

  @Option(
      names = "--device",
      description =
          "What runs the networks, cpu or cuda (default: a GPU where ONNX Runtime can use it).")
  private String device;

  @Option(names = "--resume", description = "Go on where a run of the same flags was interrupted.")
  private boolean resume;

  @Mixin private ReportOptions report;

  @Override
  public Integer call() {
    requireFitting();
    try (var progress = report.progress()) {
      AnimatePreprocessing.run(request(), progress);
    }
    return 0;
  }

  private PreprocessRequest request() {
    MaskSettings shape =
        new MaskSettings(
            orElse(iterations, ITERATIONS),
            orElse(kernel, KERNEL),
            orElse(columns, 1),
            orElse(rows, 1));
    Processor processor =
        device == null
            ? Processor.BEST
            : Device.of(device) == Device.CUDA ? Processor.GPU : Processor.CPU;
    return new PreprocessRequest(
        video,
        picture,
        folder,
        networks(),
        (long) area.get(0) * area.get(1),
        framesPerSecond,
        isReplacement,
        isRetargeted,
        editedPicture,
        editedFrame,
        shape,
        masks,
        runtime,
        processor,
        resume);
  }

  private static int orElse(Integer value, int other) {
    return value == null ? other : value;
  }

  private Path networks() {
    if (!Files.isDirectory(checkpoint)) {
      throw new InputException(
          "--ckpt_path %s %s, which is not a folder; give the folder process_checkpoint of Wan2.2-Animate-14B, or that checkpoint"
              .formatted(checkpoint.equals(CHECKPOINT) ? "is" : "got", checkpoint));
    }
    Path inside = checkpoint.resolve(NETWORKS);
    return Files.isDirectory(inside) ? inside : checkpoint;
  }

  /// Throws `InputException` for flags that do not fit together.
  private void requireFitting() {
    if (usesFlux) {
      throw new InputException(
          "--use_flux was given, but wan4j has no FLUX; edit the picture and a frame of the video"
              + " into a plain pose with any program, and give both with --refer_edit and"
              + " --tpl_edit");
    }
    if (framesPerSecond == 0) {
      throw new InputException(
          "--fps got 0; give a rate from 1 to 1000, or -1 for the video's own");
    }
    if (isRetargeted && isReplacement) {
      throw new InputException(
          "--retarget_flag and --replace_flag were both given, but poses of a replacement stay as"
              + " they are in the video; leave out one");
    }
    if ((editedPicture != null || editedFrame != null) && !isRetargeted) {
      throw new InputException(
          "--refer_edit and --tpl_edit were given without --retarget_flag, which uses them; add it,"
              + " or leave them out");
    }
    if ((editedPicture == null) != (editedFrame == null)) {
      throw new InputException(
          "%s was given without %s; both pictures are compared: give both"
              .formatted(
                  editedPicture == null ? "--tpl_edit" : "--refer_edit",
                  editedPicture == null ? "--refer_edit" : "--tpl_edit"));
    }
    requireReplacement("--mask_video", masks);
    requireReplacement("--iterations", iterations);
    requireReplacement("--k", kernel);
    requireReplacement("--w_len", columns);
    requireReplacement("--h_len", rows);
  }

  private void requireReplacement(String flag, Object value) {
    if (value != null && !isReplacement) {
      throw new InputException(
          "%s was given without --replace_flag, which makes masks; add it, or leave %s out"
              .formatted(flag, flag));
    }
  }
}
