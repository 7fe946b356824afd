internal import Storage
extension WriteTransaction where Self: ~Copyable {
    mutating func updateNames(
        from before: Identity, to after: Identity, in organization: OrganizationNumber
    ) throws(VaultError) {}
}
