package wan4j.parallel;

/// What all ranks of a job must have in common.
///
/// @param version of wan4j
/// @param checkpoint the fingerprint of the weights, empty where there are none
/// @param request a digest of what was asked for
public record JobIdentity(String version, String checkpoint, String request) {
  /// Returns what sets another rank apart from rank 0, which has this, as the end of a sentence
  /// with the cure; null where nothing does.
  String differenceOf(JobIdentity other) {
    if (!version.equals(other.version)) {
      return "runs wan4j %s, but rank 0 runs %s; install the same version on all hosts"
          .formatted(other.version, version);
    }
    if (!checkpoint.equals(other.checkpoint)) {
      return "has another checkpoint (fingerprint %s) than rank 0 (%s); give all ranks the same weights"
          .formatted(other.checkpoint, checkpoint);
    }
    return request.equals(other.request)
        ? null
        : "was given another request than rank 0; start all ranks with the same command line";
  }
}
