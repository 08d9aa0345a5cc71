package wan4j.preprocess;

import java.nio.file.Path;
import wan4j.onnx.OnnxRuntime;

/// What a folder for Animate is to be made of, and how.
///
/// @param video the driving video
/// @param picture the character
/// @param folder where the files go
/// @param networks the folder of the networks, `process_checkpoint`
/// @param area pixels of a frame
/// @param framesPerSecond of the files; -1 for the video's own
/// @param isReplacement whether the character takes the place of the one in the video
/// @param isRetargeted whether poses get the character's proportions
/// @param editedPicture the character in a plain pose, or null
/// @param editedFrame the driving video's person in a plain pose, or null
/// @param shape of the masks of a replacement
/// @param masks a video of masks, or null
/// @param runtimeJar the jar of ONNX Runtime, or null where it is found
/// @param processor what runs the networks
/// @param goesOn whether an interrupted run's findings are used
public record PreprocessRequest(
    Path video,
    Path picture,
    Path folder,
    Path networks,
    long area,
    int framesPerSecond,
    boolean isReplacement,
    boolean isRetargeted,
    Path editedPicture,
    Path editedFrame,
    MaskSettings shape,
    Path masks,
    Path runtimeJar,
    OnnxRuntime.Processor processor,
    boolean goesOn) {
  /// How masks are made larger and coarser: `iterations` times by a square of `kernel` pixels (0
  /// leaves them as they are), then to whole cells of a grid over the person.
  public record MaskSettings(int iterations, int kernel, int columns, int rows) {
    MaskShape shape() {
      return new MaskShape(iterations, kernel, columns, rows);
    }
  }
}
