fn main() {
    ours::run();
}
