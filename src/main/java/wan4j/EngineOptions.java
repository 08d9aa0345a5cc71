package wan4j;

import java.nio.file.Path;

/// How an engine is set up.
///
/// @param checkpoint the folder of the checkpoint, in either layout
/// @param device where the transformers and the autoencoder run
/// @param offload whether networks leave memory as soon as they have done their part of a request
/// @param textOnCpu whether the text encoder runs on the processors
public record EngineOptions(Path checkpoint, Device device, boolean offload, boolean textOnCpu) {}
