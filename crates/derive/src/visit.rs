//! The implementation of `nn::Module`: one call per field.

use crate::fields::{Pytorch, Target, Variant, mentions};
use proc_macro2::TokenStream;
use quote::{ToTokens as _, quote};

pub(crate) fn module(target: &Target<'_>) -> TokenStream {
    let Target { name, float, .. } = target;
    let (impl_generics, type_generics, _) = target.generics.split_for_impl();
    let bounds = bounds(target);
    let arms = |method: TokenStream| -> TokenStream {
        let arms: Vec<_> = target.variants.iter().map(|variant| arm(variant, float, &method)).collect();
        // A reference to an enum without variants still counts as something to match.
        if arms.is_empty() { quote!(match *self {}) } else { quote!(match self { #(#arms)* }) }
    };
    // Readers of files walk with `visit` first, so that the walk of every step need not say how PyTorch writes things.
    let (visit, visit_mut) = (arms(quote!(visit)), arms(quote!(visit_mut)));
    quote! {
        #[automatically_derived]
        impl #impl_generics ::nn::module::Module<#float> for #name #type_generics #bounds {
            #[allow(unused_variables, reason = "a type without parameters uses neither")]
            fn visit<'nn_visit>(
                &'nn_visit self,
                path: &mut ::nn::module::Path,
                visitor: &mut dyn ::nn::module::Visitor<'nn_visit, #float>,
            ) {
                #visit
            }
            #[allow(unused_variables, reason = "a type without parameters uses neither")]
            fn visit_mut<'nn_visit>(
                &'nn_visit mut self,
                path: &mut ::nn::module::Path,
                visitor: &mut dyn ::nn::module::VisitorMut<'nn_visit, #float>,
            ) {
                #visit_mut
            }
        }
    }
}

fn arm(variant: &Variant<'_>, float: &TokenStream, method: &TokenStream) -> TokenStream {
    let path = &variant.path;
    let visited: Vec<_> = variant.fields.iter().filter(|field| !field.is_skipped).collect();
    let members = visited.iter().map(|field| &field.member);
    let bindings = visited.iter().map(|field| &field.binding);
    let calls = visited.iter().map(|field| {
        let (label, binding) = (field.label(), &field.binding);
        let pytorch = field.pytorch.as_ref().filter(|_| method.to_string() == "visit").map(pytorch);
        if field.is_flat {
            return quote!(::nn::module::Module::<#float>::#method(#binding, path, &mut *visitor););
        }
        quote!(path.enter(#label, |path| {
            #pytorch
            ::nn::module::Module::<#float>::#method(#binding, path, &mut *visitor)
        });)
    });
    quote! {
        #path { #(#members: #bindings,)* .. } => { #(#calls)* }
    }
}

/// Tells the visitor how PyTorch writes the field that follows.
fn pytorch(form: &Pytorch) -> TokenStream {
    let name = match &form.name {
        Some(name) => quote!(::core::option::Option::Some(#name)),
        None => quote!(::core::option::Option::None),
    };
    let axes = form.axes.as_ref().map_or(quote!(Same), |axes| quote!(#axes));
    quote! {
        visitor.pytorch(path.as_str(), ::nn::module::Pytorch { name: #name, axes: ::nn::module::Axes::#axes });
    }
}

/// The type's own bounds, and for fields that mention another type parameter, that they are modules.
pub(crate) fn bounds(target: &Target<'_>) -> TokenStream {
    let own = target.generics.where_clause.iter().flat_map(|clause| &clause.predicates);
    let others: Vec<_> = target
        .generics
        .type_params()
        .map(|param| &param.ident)
        .filter(|ident| Some(*ident) != target.float_param.as_ref())
        .collect();
    let float = &target.float;
    let fields = target.variants.iter().flat_map(|variant| &variant.fields);
    let modules = fields
        .filter(|field| !field.is_skipped && mentions(field.ty.to_token_stream(), &others))
        .map(|field| field.ty)
        .map(|ty| quote!(#ty: ::nn::module::Module<#float>));
    quote!(where #(#own,)* #(#modules,)*)
}
