extension Endpoint {
    /// Every endpoint of the API, in the order of its document.
    static let all: [Endpoint] =
        contactEndpoints + recordEndpoints + intakeEndpoints + [importEndpoint] + reviewEndpoints + rightsEndpoints
        + whatsAppEndpoints + serverEndpoints
}
