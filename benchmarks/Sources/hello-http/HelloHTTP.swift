import Hummingbird
import Logging

/// The least that a Hummingbird server does: the measure of what the API adds.
@main struct HelloHTTP {
    static func main() async throws {
        let router = Router()
        router.get("/") { _, _ in "Hello" }
        var logger = Logger(label: "hello")
        logger.logLevel = .warning
        let port = CommandLine.arguments.dropFirst().first.flatMap { Int($0) } ?? 8080
        try await Application(
            router: router, configuration: .init(address: .hostname("127.0.0.1", port: port)), logger: logger
        ).run()
    }
}
