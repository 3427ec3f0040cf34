# Sourced in the image: what COPY does.
#   copy TARGET SOURCE…    sources are patterns below /mnt/from; a folder's content is copied, not the folder
copy() {
    target=$1
    shift
    case $target in
        */ | /) mkdir -p "$target" ;;
        *) mkdir -p "$(dirname "$target")" ;;
    esac
    for pattern in "$@"; do
        for source in /mnt/from/$pattern; do
            [ -e "$source" ] || { echo "COPY: no $pattern" >&2; return 66; }
            if [ -d "$source" ]; then
                mkdir -p "$target"
                cp -a --no-preserve=ownership "$source/." "$target"
            else
                cp -a --no-preserve=ownership "$source" "$target"
            fi
        done
    done
}
