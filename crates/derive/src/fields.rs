//! What the derive needs to know about a type: its float, and its variants with their fields.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{format_ident, quote};
use syn::meta::ParseNestedMeta;
use syn::punctuated::Punctuated;
use syn::{
    Attribute, Data, DeriveInput, Error, Field, Fields, GenericParam, Generics, LitStr, Member, Result, Token, Type,
    TypeParam, TypeParamBound, WherePredicate,
};

/// The type that derives.
pub(crate) struct Target<'a> {
    pub(crate) name: &'a Ident,
    pub(crate) generics: &'a Generics,
    /// The type parameter that is the float, if the type is generic over it.
    pub(crate) float_param: Option<Ident>,
    /// The float: the type parameter, or a type.
    pub(crate) float: TokenStream,
    pub(crate) variants: Vec<Variant<'a>>,
    /// Whether other type parameters than the float exist.
    pub(crate) has_other_types: bool,
}

/// A struct, or one variant of an enum.
pub(crate) struct Variant<'a> {
    /// `Net`, or `Net::Variant`.
    pub(crate) path: TokenStream,
    pub(crate) fields: Vec<Part<'a>>,
}

/// One field.
pub(crate) struct Part<'a> {
    pub(crate) member: Member,
    /// The variable it is bound to in a pattern.
    pub(crate) binding: Ident,
    pub(crate) ty: &'a Type,
    pub(crate) is_skipped: bool,
    pub(crate) is_phantom: bool,
    /// Whether its names stand among those of the type, without its own in front.
    pub(crate) is_flat: bool,
    /// How PyTorch writes it, if otherwise.
    pub(crate) pytorch: Option<Pytorch>,
}

/// `#[module(pytorch(name = "weight", reversed))]`.
#[derive(Clone, Default)]
pub(crate) struct Pytorch {
    pub(crate) name: Option<LitStr>,
    /// `Same`, `Reversed`, `Vector` or `Window` of `nn::module::Axes`.
    pub(crate) axes: Option<Ident>,
}

impl Part<'_> {
    /// The name in a parameter's path: the field's name, or its position.
    pub(crate) fn label(&self) -> String {
        match &self.member {
            Member::Named(name) => name.to_string().trim_start_matches("r#").to_string(),
            Member::Unnamed(index) => index.index.to_string(),
        }
    }
}

impl<'a> Target<'a> {
    pub(crate) fn new(input: &'a DeriveInput) -> Result<Target<'a>> {
        let options = Options::read(&input.attrs)?;
        if options.skip {
            return Err(Error::new_spanned(&input.ident, "#[module(skip)] belongs on a field"));
        }
        let name = &input.ident;
        let variants = match &input.data {
            Data::Struct(data) => vec![variant(quote!(#name), &data.fields)?],
            Data::Enum(data) => {
                let each = data.variants.iter().map(|v| (&v.ident, &v.fields));
                each.map(|(ident, fields)| variant(quote!(#name::#ident), fields)).collect::<Result<_>>()?
            }
            Data::Union(_) => {
                return Err(Error::new_spanned(name, "Module can be derived for structs and enums, not for unions"));
            }
        };
        let float_param = float_param(&input.generics);
        let float = match (&options.float, &float_param) {
            (Some(float), _) => quote!(#float),
            (None, Some(param)) => quote!(#param),
            (None, None) => quote!(f32),
        };
        let float_param = if options.float.is_some() { None } else { float_param };
        let has_other_types = input.generics.type_params().any(|param| Some(&param.ident) != float_param.as_ref());
        Ok(Target { name, generics: &input.generics, float_param, float, variants, has_other_types })
    }
}

fn variant(path: TokenStream, fields: &Fields) -> Result<Variant<'_>> {
    let part = |(index, field): (usize, &'_ Field)| -> Result<(Member, Ident, Options)> {
        let options = Options::read(&field.attrs)?;
        if options.float.is_some() {
            return Err(Error::new_spanned(field, "#[module(float = …)] belongs on the type"));
        }
        let member = field.ident.clone().map_or(Member::from(index), Member::Named);
        Ok((member, format_ident!("field_{index}"), options))
    };
    let mut parts = Vec::new();
    for (index, field) in fields.iter().enumerate() {
        let (member, binding, options) = part((index, field))?;
        let is_phantom = is_phantom(&field.ty);
        let is_skipped = options.skip || is_phantom;
        let (ty, is_flat, pytorch) = (&field.ty, options.flatten, options.pytorch);
        parts.push(Part { member, binding, ty, is_skipped, is_phantom, is_flat, pytorch });
    }
    Ok(Variant { path, fields: parts })
}

fn is_phantom(ty: &Type) -> bool {
    matches!(ty, Type::Path(path) if path.path.segments.last().is_some_and(|last| last.ident == "PhantomData"))
}

/// The type parameter with a bound whose last word is `Float`.
fn float_param(generics: &Generics) -> Option<Ident> {
    let is_float = |bounds: &Punctuated<TypeParamBound, Token![+]>| {
        bounds.iter().any(|bound| match bound {
            TypeParamBound::Trait(bound) => bound.path.segments.last().is_some_and(|last| last.ident == "Float"),
            _ => false,
        })
    };
    let in_where = |param: &TypeParam| {
        generics.where_clause.iter().flat_map(|clause| &clause.predicates).any(|predicate| match predicate {
            WherePredicate::Type(predicate) => {
                matches!(&predicate.bounded_ty, Type::Path(path) if path.path.is_ident(&param.ident))
                    && is_float(&predicate.bounds)
            }
            _ => false,
        })
    };
    generics.type_params().find(|param| is_float(&param.bounds) || in_where(param)).map(|param| param.ident.clone())
}

/// What `#[module(…)]` says.
#[derive(Default)]
struct Options {
    skip: bool,
    flatten: bool,
    float: Option<Type>,
    pytorch: Option<Pytorch>,
}

impl Options {
    fn read(attributes: &[Attribute]) -> Result<Options> {
        let mut options = Options::default();
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("module")) {
            attribute.parse_nested_meta(|meta| {
                if meta.path.is_ident("skip") {
                    options.skip = true;
                    return Ok(());
                }
                if meta.path.is_ident("flatten") {
                    options.flatten = true;
                    return Ok(());
                }
                if meta.path.is_ident("float") {
                    options.float = Some(meta.value()?.parse()?);
                    return Ok(());
                }
                if meta.path.is_ident("pytorch") {
                    options.pytorch = Some(Pytorch::read(&meta)?);
                    return Ok(());
                }
                Err(meta
                    .error("expected `skip`, `flatten` or `pytorch(…)` (on a field) or `float = f64` (on the type)"))
            })?;
        }
        Ok(options)
    }
}

impl Pytorch {
    fn read(meta: &ParseNestedMeta<'_>) -> Result<Pytorch> {
        let mut form = Pytorch::default();
        meta.parse_nested_meta(|meta| {
            let axes = |axes: &str| Some(Ident::new(axes, Span::call_site()));
            if meta.path.is_ident("name") {
                form.name = Some(meta.value()?.parse()?);
            } else if meta.path.is_ident("reversed") {
                form.axes = axes("Reversed");
            } else if meta.path.is_ident("vector") {
                form.axes = axes("Vector");
            } else if meta.path.is_ident("window") {
                form.axes = axes("Window");
            } else {
                return Err(meta.error("expected `name = \"…\"`, `reversed`, `vector` or `window`"));
            }
            Ok(())
        })?;
        Ok(form)
    }
}

/// Whether a type mentions one of these names.
pub(crate) fn mentions(tokens: TokenStream, names: &[&Ident]) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => names.contains(&&ident),
        TokenTree::Group(group) => mentions(group.stream(), names),
        _ => false,
    })
}

/// The type with one name for another.
pub(crate) fn replace(tokens: TokenStream, from: &Ident, to: &Ident) -> TokenStream {
    tokens
        .into_iter()
        .map(|token| match token {
            TokenTree::Ident(ident) if ident == *from => TokenTree::Ident(to.clone()),
            TokenTree::Group(group) => {
                TokenTree::Group(proc_macro2::Group::new(group.delimiter(), replace(group.stream(), from, to)))
            }
            token => token,
        })
        .collect()
}

/// The generic arguments of the type with one name for another: `<'a, U, 4>`.
pub(crate) fn arguments(generics: &Generics, from: &Ident, to: &Ident) -> TokenStream {
    let arguments = generics.params.iter().map(|param| match param {
        GenericParam::Type(param) if param.ident == *from => quote!(#to),
        GenericParam::Type(param) => {
            let ident = &param.ident;
            quote!(#ident)
        }
        GenericParam::Lifetime(param) => {
            let lifetime = &param.lifetime;
            quote!(#lifetime)
        }
        GenericParam::Const(param) => {
            let ident = &param.ident;
            quote!(#ident)
        }
    });
    quote!(<#(#arguments),*>)
}
