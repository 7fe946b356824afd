/// The version of this program.
package enum ServerVersion {
    package static let text = "0.1.0"
}
