package wan4j.cli;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import tools.jackson.databind.json.JsonMapper;
import wan4j.engine.LatentsFile;
import wan4j.engine.StepLatents;
import wan4j.media.PictureReader.Orientation;
import wan4j.media.PictureSequence;
import wan4j.media.VideoReader;
import wan4j.tensor.DType;
import wan4j.tensor.InputException;
import wan4j.tensor.Tensor;
import wan4j.verify.Comparison;
import wan4j.verify.VideoComparison;

/// `wan4j compare`: how near one video, or one file of latents, is to another.
@Command(
    name = "compare",
    mixinStandardHelpOptions = true,
    description = {
      "Compares two videos by PSNR and SSIM, or two files of latents by their relative distance.",
      "The second is what the first should be; a video may be a folder of its pictures, and folders"
          + " of",
      "generate --save_latents are compared step by step."
    })
final class CompareCommand implements Callable<Integer> {
  private static final String LATENTS = ".safetensors";
  private static final Set<DType> FLOATS = Set.of(DType.F32, DType.F16, DType.BF16, DType.F64);

  @Parameters(
      index = "0",
      paramLabel = "A",
      description = "A video, a folder of pictures, a file of latents, or a folder of them.")
  private Path first;

  @Parameters(index = "1", paramLabel = "B", description = "Another of the same kind and size.")
  private Path second;

  @Option(
      names = "--exif",
      description =
          "What becomes of the orientation marks of pictures: apply or ignore (default: apply).")
  private String exif;

  @Option(names = "--json", description = "Tell the result as a JSON object.")
  private boolean json;

  @Override
  public Integer call() {
    Orientation orientation = ImageOptions.orientation(exif);
    boolean areSteps = StepLatents.recognises(first);
    if (isLatents(first) != isLatents(second) || areSteps != StepLatents.recognises(second)) {
      throw new InputException(
          "%s and %s are of two kinds; give two videos, two files of latents or two folders of them"
              .formatted(first, second));
    }
    if (exif != null && !holdsPictures(first) && !holdsPictures(second)) {
      throw new InputException(
          "--exif was given, but neither %s nor %s holds pictures; leave it out"
              .formatted(first, second));
    }
    if (areSteps) {
      compareSteps();
    } else if (isLatents(first)) {
      compareLatents();
    } else {
      compareVideos(orientation);
    }
    return 0;
  }

  private void compareSteps() {
    List<Path> made = new StepLatents(first).files();
    List<Path> expected = new StepLatents(second).files();
    if (made.size() != expected.size()) {
      throw new InputException(
          "cannot compare %d steps with %d; give two requests of the same steps"
              .formatted(made.size(), expected.size()));
    }
    List<Double> errors = new ArrayList<>();
    for (int i = 0; i < made.size(); i++) {
      errors.add(relativeError(made.get(i), expected.get(i)));
      if (!json) {
        System.out.println(VideoComparison.stepLine(i, errors.get(i)));
      }
    }
    if (json) {
      tell("latent_relative_l2_by_step", errors.stream().map(JsonReporter::finite).toList());
    }
  }

  private void compareLatents() {
    double error = relativeError(first, second);
    if (json) {
      tell("latent_relative_l2", JsonReporter.finite(error));
    } else {
      System.out.printf(Locale.ROOT, "relative L2 %.4e%n", error);
    }
  }

  private static double relativeError(Path made, Path expected) {
    Tensor a = latents(made);
    Tensor b = latents(expected);
    if (!a.shape().equals(b.shape())) {
      throw new InputException(
          "cannot compare latents of %s with those of %s; give two of one size and length"
              .formatted(a.shape(), b.shape()));
    }
    return Comparison.relativeError(a.toFloats(), b.toFloats());
  }

  private static Tensor latents(Path file) {
    Tensor values = LatentsFile.read(file).latents().values();
    if (!FLOATS.contains(values.dtype())
        || values.shape().rank() == 0
        || values.count() == 0
        || !values.isFinite()) {
      throw new InputException(
          "%s holds latents of %s of type %s; expected finite floating-point numbers: make them again"
              .formatted(file, values.shape(), values.dtype()));
    }
    return values;
  }

  private void compareVideos(Orientation orientation) {
    VideoComparison comparison =
        VideoComparison.of(read(first, orientation), read(second, orientation));
    if (json) {
      tell(comparison.fields());
    } else {
      comparison.lines().forEach(System.out::println);
    }
  }

  private static void tell(String name, Object value) {
    tell(Collections.singletonMap(name, value));
  }

  private static void tell(Map<String, Object> fields) {
    System.out.println(JsonMapper.shared().writeValueAsString(fields));
  }

  private static boolean isLatents(Path file) {
    return file.toString().endsWith(LATENTS);
  }

  private static boolean holdsPictures(Path file) {
    return PictureSequence.recognises(file) && !StepLatents.recognises(file);
  }

  private static Tensor read(Path file, Orientation orientation) {
    if (!Files.exists(file)) {
      throw new InputException("%s does not exist; give a video".formatted(file));
    }
    return PictureSequence.recognises(file)
        ? PictureSequence.read(file, orientation)
        : VideoReader.read(file).frames();
  }
}
